# SPDX-License-Identifier: MIT
# Complementary distribution, measured (the first block) and predicted (the second, dashed).
# Columns: value, share above it.
load "gp/style.gp"
set logscale xy
set xrange [x_low:x_high]
set yrange [y_low:1]
@x_tics
@y_tics
set xlabel x_title noenhanced textcolor rgb ink
set ylabel y_title noenhanced textcolor rgb ink offset 0.5,0
do for [kind in "svg png"] {
    eval "set terminal " . value("terminal_" . kind)
    eval "set key width " . value("key_width_" . kind)
    set output stem . "." . kind
    plot for [i=1:words(keys)] data(i) index 1 using 1:2 with fsteps lw 1.6 dt (5,4) \
             lc rgb color(word(keys,i)) notitle, \
         for [i=1:words(keys)] data(i) index 0 using 1:2 with fsteps lw 2 \
             lc rgb color(word(keys,i)) title word(names,i)
    unset output
}
