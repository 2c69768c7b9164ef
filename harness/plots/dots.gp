# SPDX-License-Identifier: MIT
# A row of dots for each thing compared, on a logarithmic axis; a line where nothing differs.
# Columns: value, row. left: characters of the longest name.
load "gp/style.gp"
set logscale x
set xrange [x_low:x_high]
set yrange [-0.6:y_high] reverse
@x_tics
@y_tics
set xlabel x_title noenhanced textcolor rgb ink
set ytics noenhanced
set lmargin left
set arrow 1 from 1, graph 0 to 1, graph 1 nohead lc rgb ink lw 1 dt 2
do for [kind in "svg png"] {
    eval "set terminal " . value("terminal_" . kind)
    eval "set key width " . value("key_width_" . kind)
    set output stem . "." . kind
    plot for [i=1:words(keys)] data(i) using 1:2 with points pt full(word(keys,i)) ps 1.1 \
             lc rgb color(word(keys,i)) notitle, \
         for [i=1:words(keys)] NaN with points pt full(word(keys,i)) ps 1.1 \
             lc rgb color(word(keys,i)) title word(names,i)
    unset output
}
