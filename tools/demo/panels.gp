# SPDX-License-Identifier: GPL-2.0
#
# usage: gnuplot panels.gp, in the folder with values.gp and counts.tsv
#
# Draws panels.svg: what was counted each second, in panels one below the other,
# and what happened when.

load 'values.gp'

array colours = ['#1f6fb2', '#c8541a', '#2c8a4b', '#7a4fa3', '#b08a00', \
	'#5b6b7a', '#c2397a']
grey = '#888888'
text_colour = '#333333'

# In pixels. Bars are errors: of these a few are seen as well.
gap = 35
tall(p) = bars[p] ? 80 : 145
array top[panels]
top[1] = 50
do for [p = 2:panels] { top[p] = top[p - 1] + tall(p - 1) + gap }
bottom = top[panels] + tall(panels)
# Below the panels, a line for each event.
height = bottom + 70.0 + 18 * events
at_pixel(y) = 1 - y / height

set encoding utf8
set datafile separator '\t'
set terminal svg size 900,height dynamic \
	background '#ffffff' font 'sans-serif,13' name 'panels'
set output 'panels.svg'
set border 3 lc rgb grey
set tics nomirror out scale 0.5 textcolor rgb text_colour
set grid y lc rgb '#e4e4e4' lw 1 dt 1
set xrange [0:seconds]
set lmargin 9
set rmargin 3
set style fill solid 0.85 noborder

do for [i = 1:events] {
	set arrow i from at[i], graph 0 to at[i], graph 1 nohead lc rgb grey \
		dt 2
}

set multiplot

do for [p = 1:panels] {
	# Above the first panel each line has its number, below the last its
	# text.
	do for [i = 1:events] {
		if (p == 1) {
			set label i sprintf('%d', i) at at[i], graph 1.06 \
				center tc rgb text_colour
		} else { if (p == panels) {
			set label i sprintf('%d   %.0f s   %s', i, at[i], \
				text[i]) at graph 0, \
				screen at_pixel(bottom + 40 + 18 * i) left \
				tc rgb text_colour
		} else {
			set label i ''
		}}
	}
	set tmargin at screen at_pixel(top[p])
	set bmargin at screen at_pixel(top[p] + tall(p))
	set yrange [0:most[p] * 1.1]
	# What this panel is the first to show.
	set key at screen 0.97, screen at_pixel(top[p] - (p == 1 ? 28 : 10)) \
		right center horizontal textcolor rgb text_colour
	set format x p == panels ? '%g' : ''
	set ytics autofreq
	if (bars[p]) {
		set ytics most[p] > 8 ? most[p] / 4 : most[p] > 4 ? 2 : 1
	}
	set ylabel name_of[p] tc rgb text_colour
	set xlabel p == panels ? 'seconds' : '' tc rgb text_colour
	# Bars of one second stand side by side.
	many = last[p] - first[p] + 1
	set boxwidth 0.8 / many
	beside(c) = bars[p] ? 0.8 / many * (c - (first[p] + last[p]) / 2.0) : 0
	if (bars[p]) {
		plot for [c = first[p]:last[p]] 'counts.tsv' \
			using ($1 + beside(c)):c with boxes \
			lc rgb colours[colour[c]] title series[c]
	} else {
		plot for [c = first[p]:last[p]] 'counts.tsv' using 1:c \
			with lines lw 2 lc rgb colours[colour[c]] \
			title series[c]
	}
}
unset multiplot
