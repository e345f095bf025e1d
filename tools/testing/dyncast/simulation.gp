# SPDX-License-Identifier: GPL-2.0
#
# usage: gnuplot -e "in='F.tsv'; out='F.svg'; count=N; events='NAME FROM TO ...'"
#                simulation.gp
#
# Three pictures above each other: latency, load of the busiest instance, and
# invocations that came to another instance, against time. Columns of F.tsv:
# second, milliseconds, per cent, violations; the ways one after the other, with
# two empty lines between.

set encoding utf8
set terminal svg size 1000,760 dynamic font 'sans-serif,13'
set output out
set datafile separator '\t'
set border 3 lc rgb '#888888'
set tics nomirror out scale 0.5 textcolor rgb '#333333'
set grid y lc rgb '#e4e4e4' lw 1 dt 1
set xrange [0:2000]
set lmargin 10
set rmargin 3

array colour[4] = ['#a3a3a3', '#c8541a', '#1f6fb2', '#41ab5d']
do for [i=1:words(events):3] {
	from = word(events, i + 1) + 0
	to = word(events, i + 2) + 0
	set object i rectangle from first from, graph 0 to first to, graph 1 \
		behind fillcolor rgb '#f4f0e2' fillstyle solid \
		border rgb '#f4f0e2'
	set label i word(events, i) at first from, graph 0.94 offset 0.3, 0 \
		textcolor rgb '#8a7f55' front
}

set multiplot layout 3,1 title sprintf('%d invocations, and who leads them', \
	count)
set ylabel 'latency, ms'
set yrange [0:*]
set key outside top center maxrows 2 Left reverse samplen 1.5 font ',11'
plot for [i=0:3] in index i using 1:2 with lines lw 1.6 lc rgb colour[i + 1] \
	title columnheader(1)
unset key
do for [i=1:words(events):3] {
	unset label i
}
set ylabel 'busiest instance, %'
plot for [i=0:3] in index i using 1:3 with lines lw 1.6 lc rgb colour[i + 1]
set ylabel 'violations in 10 s'
set logscale y
set yrange [0.5:*]
set xlabel 'seconds'
plot for [i=0:3] in index i using 1:($4 > 0 ? $4 : NaN) with points pt 7 ps 0.5 \
	lc rgb colour[i + 1]
unset multiplot
