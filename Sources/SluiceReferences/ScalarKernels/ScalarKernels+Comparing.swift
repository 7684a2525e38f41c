package import SluiceKernels

extension ScalarKernels {
  /// How many numbers have a magnitude in each power of two from `first` on; smaller ones are in the first class,
  /// larger ones in the last, zero in none.
  package static func sizes(_ values: [Float], first: Int, classCount: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: classCount)
    for value in values where value.isNormal {
      counts[max(0, min(Int(value.exponent) - first, classCount - 1))] += 1
    }
    return counts
  }

  /// Compares two runs, element by element; sixteen sums, as the kernel has them.
  package static func compared(_ first: [Float], _ second: [Float]) -> Comparison {
    var sums = [Double](repeating: 0, count: 16)
    var result = Comparison()
    for (index, (x, y)) in zip(first, second).enumerated() {
      sums[index % 16] += Double(x) * Double(y)
      guard x != 0, y != 0 else { continue }
      result.both += 1
      if (x < 0) == (y < 0) { result.same += 1 }
    }
    for sum in sums { result.dot += sum }
    return result
  }
}
