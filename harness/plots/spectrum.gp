# SPDX-License-Identifier: MIT
# Percentile spectrum: how large the latency is that all but one in x requests stay below.
# Columns: 1/(1-p), intended with 20 samples beyond, intended beyond that, service.
load "gp/style.gp"
set logscale xy
set xrange [1:x_high]
set yrange [y_low:y_high]
@x_tics
@y_tics
set xlabel "percentile" textcolor rgb ink
set ylabel y_title noenhanced textcolor rgb ink offset 0.5,0
do for [kind in "svg png"] {
    eval "set terminal " . value("terminal_" . kind)
    eval "set key width " . value("key_width_" . kind)
    set output stem . "." . kind
    plot for [i=1:words(keys)] data(i) using 1:2 with lines lw 2.4 lc rgb color(word(keys,i)) \
             title word(names,i), \
         for [i=1:words(keys)] data(i) using 1:3 with lines lw 0.9 lc rgb color(word(keys,i)) \
             notitle, \
         for [i=1:words(keys)] data(i) using 1:4 with lines lw 1.2 dt (6,4) \
             lc rgb color(word(keys,i)) notitle
    unset output
}
