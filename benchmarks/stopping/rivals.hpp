#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace stopping_study {

/// What others read off a representation: of the rows of `z`, float32 [N, d], on the CPU. The names are those of the
/// columns of a run's `.beside.csv`.
///   * `rankme`: exp of the entropy of the singular values, as shares of their sum (Garrido et al. 2023);
///   * `alpha_req`: minus the least-squares slope of log eigenvalue over log rank, of the covariance's eigenvalues
///   above
///     1e-6 of the largest (Agrawal et al. 2022);
///   * `matrix_entropy`: entropy of the eigenvalues of the Gram matrix, as shares of its trace, over log min(N, d), in
///     0 … 1 (Giraldo et al. 2014; Skean et al. 2025);
///   * `local_dimension`: maximum likelihood from the 20 nearest neighbours of each row (Levina and Bickel 2004), mean
///     of the inverses (MacKay and Ghahramani 2005). Equal rows count once.
std::vector<std::pair<std::string, double>> rivals(const at::Tensor& z);

}  // namespace stopping_study
