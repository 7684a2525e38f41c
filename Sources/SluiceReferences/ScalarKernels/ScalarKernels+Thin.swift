/// Products with thin matrices, number by number.
extension ScalarKernels {
  /// The sum of products in eight interleaved sums.
  package static func dot(_ a: some Collection<Double>, _ b: some Collection<Double>) -> Double {
    var sums = [Double](repeating: 0, count: 8)
    for (index, (x, y)) in zip(a, b).enumerated() { sums[index % 8] += x * y }
    return ((sums[0] + sums[4]) + (sums[2] + sums[6]))
      + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
  }

  /// For each column of a matrix the sum of its elements times the values, from the first on.
  package static func projected(_ values: [Float], _ matrix: [[Double]]) -> [Double] {
    var sums = [Double](repeating: 0, count: matrix.first?.count ?? 0)
    for (value, row) in zip(values, matrix) where value != 0 {
      for column in sums.indices { sums[column] += Double(value) * row[column] }
    }
    return sums
  }

  /// A matrix with each row changed by its value times the weights.
  package static func spread(
    _ values: [Float], _ weights: [Double], to matrix: [[Double]]
  ) -> [[Double]] {
    zip(values, matrix).map { value, row in
      value == 0 ? row : zip(row, weights).map { $0 + Double(value) * $1 }
    }
  }

  /// The products of columns with each other, over the rows whose values are not zero, from the first on.
  package static func gram(_ matrix: [[Double]], where values: [Float]) -> [[Double]] {
    let width = matrix.first?.count ?? 0
    return (0..<width).map { row in
      (0..<width).map { column in
        var sum = 0.0
        for (value, numbers) in zip(values, matrix) where value != 0 {
          sum += numbers[row] * numbers[column]
        }
        return sum
      }
    }
  }

  /// For each element the sum of the runs times their shares, and of its row times the weights.
  package static func blended(
    _ runs: [[Float]], shares: [Double], _ matrix: [[Double]], _ weights: [Double]
  ) -> [Float] {
    matrix.indices.map { index in
      var sum = 0.0
      for (run, share) in zip(runs, shares) { sum += share * Double(run[index]) }
      if !weights.isEmpty { sum += dot(matrix[index], weights) }
      return Float(sum)
    }
  }

  /// Each value that is not zero, with its row times the weights added.
  package static func corrected(
    _ values: [Float], _ matrix: [[Double]], _ weights: [Double]
  ) -> [Float] {
    zip(values, matrix).map { value, row in
      value == 0 ? value : Float(Double(value) + dot(row, weights))
    }
  }
}
