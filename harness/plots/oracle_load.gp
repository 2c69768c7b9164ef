# SPDX-License-Identifier: MIT
# One figure against load, measured, and predicted (dashed).
# Columns: load, value, value where it is sound, value where it is weak or flagged, predicted.
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
    plot for [i=1:words(keys)] data(i) using 1:5 with lines lw 1.6 dt (5,4) \
             lc rgb color(word(keys,i)) notitle, \
         for [i=1:words(keys)] data(i) using 1:2 with lines lw 2 \
             lc rgb color(word(keys,i)) notitle, \
         for [i=1:words(keys)] data(i) using 1:4 with points pt hollow(word(keys,i)) ps 0.9 \
             lc rgb color(word(keys,i)) notitle, \
         for [i=1:words(keys)] data(i) using 1:3 with points pt full(word(keys,i)) ps 0.9 \
             lc rgb color(word(keys,i)) notitle, \
         for [i=1:words(keys)] NaN with linespoints lw 2 pt full(word(keys,i)) ps 0.9 \
             lc rgb color(word(keys,i)) title word(names,i)
    unset output
}
