import Glibc
import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels of exponentials and logarithms") struct FunctionTests {
  /// Bit patterns from all of Float32, its ends, and what weights are.
  private static let numbers: [Float] =
    stride(from: UInt32(0), to: .max - 130_000, by: 65_519).map { Float(bitPattern: $0) }
    + [0, -0.0, 1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, .greatestFiniteMagnitude]
    + [Float(0.5).squareRoot(), Float(2).squareRoot(), 88.72284, -103.97208, -87.33655]
    + (0..<3_000).map { Float($0 - 1_500) / 20_000 } + (0..<3_000).map { 0.9 + Float($0) / 15_000 }

  @Test(
    "They are the C library's in Double, rounded to Float32, at every level and in every lane",
    arguments: [StepOperation.exponential, .logarithm])
  func functions(step: StepOperation) {
    let numbers = FunctionTests.numbers
    let expected = numbers.map { number in
      let value = Double(number)
      return Float(step == .exponential ? exp(value) : log(value))
    }
    for kernels in allKernels {
      for start in [0, 5] {
        let count = numbers.count - start
        var out = [Float](repeating: 0, count: count)
        // SAFETY: both have so many numbers.
        numbers.withUnsafeBufferPointer { given in
          _ = unsafe kernels.take(
            step, given.baseAddress! + start, nil, into: &out, count: count, roundedTo: .f32)
        }
        let wrong = out.indices.first {
          out[$0].bitPattern != expected[start + $0].bitPattern
            && !(out[$0].isNaN && expected[start + $0].isNaN)
        }
        #expect(wrong == nil, "\(kernels.level.name): \(wrong.map { numbers[start + $0] } ?? 0)")
      }
    }
  }
}
