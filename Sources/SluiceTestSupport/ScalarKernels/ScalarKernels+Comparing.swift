package import SluiceKernels

extension ScalarKernels {
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
