# SPDX-License-Identifier: MIT
# Straight lines with a mark at each measured point; a line across where nothing differs.
# Columns: x, value, value where it was measured.
load "gp/style.gp"
set logscale y
set xrange [x_low:x_high]
set yrange [y_low:y_high]
@x_tics
@y_tics
set xlabel x_title noenhanced textcolor rgb ink
set ylabel y_title noenhanced textcolor rgb ink offset 0.5,0
set key maxcols 4 maxrows 2
set arrow 2 from x_mark, graph 0 to x_mark, graph 1 nohead lc rgb ink lw 1 dt 3
set arrow 1 from graph 0, first 1 to graph 1, first 1 nohead lc rgb ink lw 1 dt 2
do for [kind in "svg png"] {
    eval "set terminal " . value("terminal_" . kind)
    eval "set key width " . value("key_width_" . kind)
    set output stem . "." . kind
    plot for [i=1:words(keys)] data(i) using 1:2 with lines lw 2 lc rgb color(word(keys,i)) notitle, \
         for [i=1:words(keys)] data(i) using 1:3 with points pt full(word(keys,i)) ps 0.9 \
             lc rgb color(word(keys,i)) notitle, \
         for [i=1:words(keys)] NaN with linespoints lw 2 pt full(word(keys,i)) ps 0.9 \
             lc rgb color(word(keys,i)) title word(names,i)
    unset output
}
