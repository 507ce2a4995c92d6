# 3-D summary functions by spatstat: points as CSV in, functions as CSV out.
# usage: Rscript spatstat_check.R POINTS.csv x0 x1 y0 y1 z0 z1 RMAX STEPS HALF_WIDTH OUT.csv
suppressMessages(library(spatstat.explore))
a <- commandArgs(trailingOnly = TRUE)
b <- as.numeric(a[2:10])
p <- read.csv(a[1])
box <- box3(b[1:2], b[3:4], b[5:6])
X <- pp3(p$x, p$y, p$z, box)
rmax <- b[7]
nr <- b[8] + 1
K <- K3est(X, rmax = rmax, nrval = nr, correction = "translation")
g <- pcf3est(X, rmax = rmax, nrval = nr, correction = "translation", delta = b[9])
G <- G3est(X, rmax = rmax, nrval = nr, correction = "Hanisch")
# F3est measures by chamfer distances on a grid; the exact distances of spatstat.geom to the points of a grid stand beside it.
F <- F3est(X, rmax = rmax, nrval = nr, vside = 0.05, correction = "rs")
edge <- function(range) seq(range[1], range[2], length.out = 61)[-61] + diff(range) / 120
grid <- expand.grid(x = edge(b[1:2]), y = edge(b[3:4]), z = edge(b[5:6]))
probes <- pp3(grid$x, grid$y, grid$z, box)
d <- nncross(probes, X, what = "dist")
depth <- pmin(grid$x - b[1], b[2] - grid$x, grid$y - b[3], b[4] - grid$y, grid$z - b[5], b[6] - grid$z)
exact <- sapply(K$r, function(r) sum(d <= r & depth >= r) / sum(depth >= r))
write.csv(data.frame(r = K$r, K = K$trans, g = g$trans, G = G$han, F3est = F$rs, F = exact), a[11], row.names = FALSE)
