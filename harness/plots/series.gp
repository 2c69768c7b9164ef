# SPDX-License-Identifier: MIT
# What happened when, and how much of it: a dot each.
# Columns: time, amount.
load "gp/style.gp"
set logscale y
set xrange [x_low:x_high]
set yrange [y_low:y_high]
@x_tics
@y_tics
set xlabel x_title noenhanced textcolor rgb ink
set ylabel y_title noenhanced textcolor rgb ink offset 0.5,0
do for [kind in "svg png"] {
    eval "set terminal " . value("terminal_" . kind)
    eval "set key width " . value("key_width_" . kind)
    set output stem . "." . kind
    plot for [i=1:words(keys)] data(i) using 1:2 with points pt full(word(keys,i)) ps 0.5 \
             lc rgb color(word(keys,i)) title word(names,i)
    unset output
}
