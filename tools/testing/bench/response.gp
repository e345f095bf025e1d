# SPDX-License-Identifier: GPL-2.0
#
# usage: gnuplot -e "in='F.tsv'; out='F.svg'; top='title'; colours=N" \
#                response.gp
#
# Two pictures beside each other: 99th percentile and mean of the response time
# against the load. Columns of F.tsv: balancer, load, mean, p95, p99, Jain; the
# balancers one after the other, with two empty lines between.

set encoding utf8
set terminal svg size 1000,400 dynamic font 'sans-serif,13'
set output out
set datafile separator '\t'
set border 3 lc rgb '#888888'
set tics nomirror out scale 0.5 textcolor rgb '#333333'
set grid y lc rgb '#e4e4e4' lw 1 dt 1
set logscale y
set ytics (100, 200, 300, 500, 700, 1000, 2000, 3000, 5000, 10000, 20000)
set xrange [49:96]
set xtics (50, 60, 70, 80, 90, 95)
set xlabel 'load, % of capacity'
set key left top reverse Left samplen 1.5 spacing 1.1
stats in using 3 nooutput
blocks = STATS_blocks - 1

# In the order of the file, which begins with this one of them.
array colour[10] = ['#d8d8d8', '#a3a3a3', '#e3b23c', '#c8541a', '#8c2d04', \
	'#9ecae1', '#6baed6', '#41ab5d', '#1f6fb2', '#08306b']

set multiplot layout 1,2 title top
set ylabel 'p99 of the response time, ms'
plot for [i=0:blocks-1] in index i using 2:5 with linespoints lw 1.8 pt 7 \
	ps 0.4 lc rgb colour[(i + colours - 1) % 10 + 1] \
	title columnheader(1)
set ylabel 'mean response time, ms'
unset key
plot for [i=0:blocks-1] in index i using 2:3 with linespoints lw 1.8 pt 7 \
	ps 0.4 lc rgb colour[(i + colours - 1) % 10 + 1]
unset multiplot
