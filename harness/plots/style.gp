# SPDX-License-Identifier: MIT
# What all figures share: colours, fonts, line styles. The report reads the colours from here, too.
set encoding utf8
set datafile separator "\t"
set datafile commentschars "#"
set datafile missing "NaN"

# One colour per system in every figure, told apart by the usual colour-vision deficiencies.
color_linux       = "#0072b2"
color_memcached   = "#c2569a"
color_linux_tuned = "#00916e"
color_dune        = "#d55e00"
color_dune_tuned  = "#b58900"
color_rt          = "#7a4fb0"
color_rt_tuned    = "#5b5f66"
color_dune_rt     = "#a3195b"
# The paper's evaluation: its own figures, ours under the profile, ours in instructions; its rows.
color_paper        = "#5b5f66"
color_predicted    = "#d55e00"
color_instructions = "#0072b2"
color_getpid       = "#0072b2"
color_page_fault   = "#c2569a"
color_page_walk    = "#b58900"
color_ptrace       = "#00916e"
color_trap         = "#d55e00"
color_appel1       = "#7a4fb0"
color_appel2       = "#5b5f66"
color(s) = value("color_" . s)

# A second mark beside the colour: the point's shape, full and hollow.
full_linux = 7;       hollow_linux = 6
full_memcached = 5;   hollow_memcached = 4
full_linux_tuned = 9; hollow_linux_tuned = 8
full_dune = 13;       hollow_dune = 12
full_dune_tuned = 11; hollow_dune_tuned = 10
full_rt = 15;         hollow_rt = 14
full_rt_tuned = 7;    hollow_rt_tuned = 6
full_dune_rt = 5;     hollow_dune_rt = 4
full_paper = 7;        hollow_paper = 6
full_predicted = 13;   hollow_predicted = 12
full_instructions = 5; hollow_instructions = 4
full_getpid = 7;       hollow_getpid = 6
full_page_fault = 5;   hollow_page_fault = 4
full_page_walk = 9;    hollow_page_walk = 8
full_ptrace = 11;      hollow_ptrace = 10
full_trap = 13;        hollow_trap = 12
full_appel1 = 15;      hollow_appel1 = 14
full_appel2 = 7;       hollow_appel2 = 6
full(s) = value("full_" . s)
hollow(s) = value("hollow_" . s)

# The page replaces these two by its own ink, so that figures follow light and dark.
ink = "#1a1b1c"
grid = "#d3d4d5"

terminal_svg = 'svg size 680,460 dynamic enhanced font "Helvetica,13.5" background rgb "white"'
terminal_png = 'pngcairo size 1360,920 fontscale 2 linewidth 2 pointscale 2.2 font "sans,10"'
# gnuplot guesses the width of SVG text, too wide by far.
key_width_svg = "-2.5"
key_width_png = "0"

set border 3 lc rgb ink lw 1
set tics nomirror out scale 0.6 textcolor rgb ink
set grid xtics ytics lc rgb grid lw 0.7 lt 1
# Title, claim and legend are stacked above the frame, where no curve can run through them.
set label 1 figure_title at screen 0.02,0.958 left noenhanced textcolor rgb ink font ",13.5"
set label 2 figure_claim at screen 0.02,0.908 left noenhanced textcolor rgb ink font ",10"
set key at screen 0.015, screen 0.888 left top horizontal Left reverse noenhanced \
    textcolor rgb ink samplen 1.6 spacing 0.95 maxcols 5 maxrows 1
set tmargin at screen 0.775
set lmargin 10
set rmargin 2.5
set bmargin 3.6
