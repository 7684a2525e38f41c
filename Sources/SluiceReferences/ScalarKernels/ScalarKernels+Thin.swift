/// Products with thin matrices, number by number.
extension ScalarKernels {
  /// The sum of products in eight interleaved sums.
  package static func dot(_ a: some Collection<Double>, _ b: some Collection<Double>) -> Double {
    var sums = [Double](repeating: 0, count: 8)
    for (index, (x, y)) in zip(a, b).enumerated() { sums[index % 8] += x * y }
    return ((sums[0] + sums[4]) + (sums[2] + sums[6]))
      + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
  }

  /// The products of values with each direction: runs of 512, in each sixteen interleaved sums in Float32.
  package static func projected(_ values: [Float], _ directions: [[Float]]) -> [Double] {
    directions.map { direction in
      var total = 0.0
      for first in stride(from: 0, to: values.count, by: 512) {
        var sums = [Float](repeating: 0, count: 16)
        for index in first..<min(first + 512, values.count) {
          sums[index % 16] += values[index] * direction[index]
        }
        while sums.count > 1 {
          let half = sums.count / 2
          sums = (0..<half).map { sums[$0] + sums[$0 + half] }
        }
        total += Double(sums[0])
      }
      return total
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

  /// For each element the sum of the runs times their shares, and of what is added, if there is something.
  package static func blended(
    _ runs: [[Float]], shares: [Double], added: [Float]? = nil
  ) -> [Float] {
    (runs.first ?? []).indices.map { index in
      var sum = 0.0
      for (run, share) in zip(runs, shares) { sum += share * Double(run[index]) }
      if let added { sum += Double(added[index]) }
      return Float(sum)
    }
  }

  /// Each value that is not zero, with another added.
  package static func corrected(_ values: [Float], _ added: [Float]) -> [Float] {
    zip(values, added).map { $0 == 0 ? $0 : $0 + $1 }
  }
}
