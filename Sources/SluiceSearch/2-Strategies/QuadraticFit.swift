/// A quadratic surface through scores, fitted with weights and a weak pull towards flatness.
///
/// Formula: score(x) = sum_t c_t * t(x) over the terms t = 1, x_i, x_i^2, x_i * x_j; the coefficients c
/// minimise sum_k w_k * (y_k - score(x_k))^2 + pull * sum_t p_t * c_t^2, with p = 0 for the constant,
/// 1 for x_i and x_i^2, and 4 for the products: partitions hardly touch each other unless the data
/// say so.
///
/// Edge cases: with fewer points than terms the pull decides, so there is always a surface.
/// - Complexity: O(terms^3) once, O(terms^2) for an uncertainty.
struct QuadraticFit {
  private let dimension: Int
  private let coefficients: [Double]
  /// The lower triangle L of the Cholesky factorisation of the normal equations, by rows.
  private let factor: [[Double]]

  /// A point of a landscape.
  struct Sample {
    var place: [Double]
    var score: Double
    var weight: Double
  }

  init?(_ samples: [Sample], dimension: Int, pull: Double = 1e-5) {
    self.dimension = dimension
    let count = QuadraticFit.terms(Array(repeating: 0, count: dimension)).count
    var matrix = Array(repeating: Array(repeating: 0.0, count: count), count: count)
    var right = Array(repeating: 0.0, count: count)
    for sample in samples {
      let terms = QuadraticFit.terms(sample.place)
      for row in 0..<count {
        right[row] += sample.weight * terms[row] * sample.score
        for column in 0...row { matrix[row][column] += sample.weight * terms[row] * terms[column] }
      }
    }
    for term in 0..<count {
      let isProduct = term > 2 * dimension
      matrix[term][term] += term == 0 ? 1e-12 : isProduct ? 4 * pull : pull
    }
    guard let factor = QuadraticFit.cholesky(matrix) else { return nil }
    self.factor = factor
    coefficients = QuadraticFit.backward(factor, QuadraticFit.forward(factor, right))
  }

  /// The fitted score of a place.
  func score(_ place: [Double]) -> Double {
    var sum = 0.0
    for (term, coefficient) in zip(QuadraticFit.terms(place), coefficients) {
      sum += term * coefficient
    }
    return sum
  }

  /// How little is known about a place: the variance of the fitted score, in units of the noise's.
  func uncertainty(_ place: [Double]) -> Double {
    QuadraticFit.forward(factor, QuadraticFit.terms(place)).reduce(0) { $0 + $1 * $1 }
  }

  private static func terms(_ place: [Double]) -> [Double] {
    var terms = [1.0] + place + place.map { $0 * $0 }
    for first in place.indices {
      for second in place.indices where second > first {
        terms.append(place[first] * place[second])
      }
    }
    return terms
  }

  private static func cholesky(_ matrix: [[Double]]) -> [[Double]]? {
    var factor = matrix
    for row in matrix.indices {
      for column in 0...row {
        var sum = matrix[row][column]
        for inner in 0..<column { sum -= factor[row][inner] * factor[column][inner] }
        if row == column {
          guard sum > 0 else { return nil }
          factor[row][column] = sum.squareRoot()
        } else {
          factor[row][column] = sum / factor[column][column]
        }
      }
    }
    return factor
  }

  private static func forward(_ factor: [[Double]], _ right: [Double]) -> [Double] {
    var solution = right
    for row in right.indices {
      for column in 0..<row { solution[row] -= factor[row][column] * solution[column] }
      solution[row] /= factor[row][row]
    }
    return solution
  }

  private static func backward(_ factor: [[Double]], _ right: [Double]) -> [Double] {
    var solution = right
    for row in right.indices.reversed() {
      for below in (row + 1)..<max(right.count, row + 1) {
        solution[row] -= factor[below][row] * solution[below]
      }
      solution[row] /= factor[row][row]
    }
    return solution
  }
}
