# SPDX-License-Identifier: GPL-2.0
#
# usage: gnuplot sites.gp, in the folder with values.gp and counts.tsv
#
# Draws sites.svg: answers and errors of each second, and what happened when.

load 'values.gp'

west = '#1f6fb2'
east = '#c8541a'
grey = '#888888'
text_colour = '#333333'

set encoding utf8
set datafile separator '\t'
set terminal svg size 900,(560 + 18 * events) dynamic \
	background '#ffffff' font 'sans-serif,13' name 'sites'
set output 'sites.svg'
set border 3 lc rgb grey
set tics nomirror out scale 0.5 textcolor rgb text_colour
set grid y lc rgb '#e4e4e4' lw 1 dt 1
set key outside top right horizontal textcolor rgb text_colour
set xrange [0:seconds]
set lmargin 9
set rmargin 3
set style fill solid 0.85 noborder

# Below the panels, a line for each event.
height = 560.0 + 18 * events
at_pixel(y) = 1 - y / height

do for [i = 1:events] {
	set arrow i from at[i], graph 0 to at[i], graph 1 nohead lc rgb grey \
		dt 2
}

set multiplot

# Above the first panel each line has its number, below the last its text.
do for [i = 1:events] {
	set label i sprintf('%d', i) at at[i], graph 1.06 center \
		tc rgb text_colour
}
set tmargin at screen at_pixel(50)
set bmargin at screen at_pixel(195)
set yrange [0:new_max * 1.1]
set ylabel 'new connections/s' tc rgb text_colour
plot 'counts.tsv' using 1:2 with lines lw 2 lc rgb west title 'west', \
	'' using 1:3 with lines lw 2 lc rgb east title 'east'

do for [i = 1:events] { unset label i }
unset key
set tmargin at screen at_pixel(230)
set bmargin at screen at_pixel(375)
set yrange [0:held_max * 1.1]
set ylabel "requests/s, connections\nthat stay" tc rgb text_colour
plot 'counts.tsv' using 1:4 with lines lw 2 lc rgb west, \
	'' using 1:5 with lines lw 2 lc rgb east

do for [i = 1:events] {
	set label i sprintf('%d   %.0f s   %s', i, at[i], text[i]) \
		at graph 0, screen at_pixel(530 + 18 * i) tc rgb text_colour
}
set tmargin at screen at_pixel(410)
set bmargin at screen at_pixel(490)
set yrange [0:errors_max * 1.1]
set ytics errors_max > 8 ? errors_max / 4 : errors_max > 4 ? 2 : 1
set ylabel 'errors/s' tc rgb text_colour
set xlabel 'seconds' tc rgb text_colour
plot 'counts.tsv' using ($1 - 0.2):6 with boxes lc rgb west, \
	'' using ($1 + 0.2):7 with boxes lc rgb east
unset multiplot
