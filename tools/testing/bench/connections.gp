# SPDX-License-Identifier: GPL-2.0
#
# usage: gnuplot -e "in='F.tsv'; out='F.svg'" connections.gp
#
# Ratios to the first way, one picture per measure. Columns of F.tsv: way, min,
# median, max; the measures one after the other, with two empty lines between.

set encoding utf8
set terminal svg size 1000,330 dynamic font 'sans-serif,13'
set output out
set datafile separator '\t'
set border 3 lc rgb '#888888'
set tics nomirror out scale 0.5 textcolor rgb '#333333'
set grid y lc rgb '#e4e4e4' lw 1 dt 1
set xtics rotate by -35
set yrange [0:*]
set style fill solid 1 noborder
set boxwidth 0.6
unset key
blocks = 3

array name[3] = ['connection', 'download', 'upload']
set multiplot layout 1,blocks title \
	'processor time, as a ratio to one server by its own address'
do for [i=0:blocks-1] {
	set title name[i + 1]
	plot in index i using 0:3:xtic(1) with boxes lc rgb '#1f6fb2', \
		'' index i using 0:3:2:4 with yerrorbars lc rgb '#333333' ps 0
}
unset multiplot
