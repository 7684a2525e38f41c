import SluiceCore
import SluiceKernels
import SluiceTestSupport
import Testing

private let dtypes = DType.allCases.filter(\.isMergeable)

@Suite("Kernels on the elements of tensors") struct ElementTests {
  @Test("Widening gives the value of each element", arguments: dtypes, BlockContent.allCases)
  func widen(dtype: DType, content: BlockContent) {
    for count in blockLengths {
      let (bytes, expected) = content.tensor(dtype, count: count, byteOffset: count % 4)
      for kernels in allKernels {
        let out = Block<Float>(repeating: 12345, count: count)
        let top = kernels.widen(bytes.pointer, dtype, into: out.pointer, count: count)
        #expect(out.values.patterns == expected.patterns, "\(kernels.level.name) \(count)")
        #expect(top.anyNaN == expected.largestMagnitude, "\(kernels.level.name) \(count)")
        #expect(out.isMarkUntouched)
      }
      bytes.keep()
    }
  }

  @Test("F64 is rounded to the nearest Float32, ties to even", arguments: allKernels)
  func widenDouble(kernels: Kernels) {
    var generator = BlockGenerator(state: 3)
    var values = (0..<4000).map { _ in Double(bitPattern: generator.next()) }
    for exponent in [-150, -149, -127, -126, 0, 127] {
      let one = Double(sign: .plus, exponent: exponent, significand: 1)
      values += [one, one * (1 + 0x1p-24), one * (1 + 0x1p-24 + 0x1p-50), one * (1 + 0x1.8p-23)]
    }
    values += [Double(Float.greatestFiniteMagnitude), 0x1.ffffffp127, -0.0, .infinity, .nan]
    let out = Block<Float>(repeating: 0, count: values.count)
    _ = kernels.widen(values, .f64, into: out.pointer, count: values.count)
    #expect(out.values.patterns == values.map { Float($0) }.patterns)
  }

  @Test(
    "A delta is the rounded difference to the base", arguments: dtypes, BlockContent.allCases)
  func delta(dtype: DType, content: BlockContent) {
    for count in blockLengths {
      let (tuned, values) = content.tensor(dtype, count: count, byteOffset: (count + 1) % 4)
      let base = content.values(count, seed: 2)
      let expected = zip(values, base).map { tuned, base in tuned - base }
      for kernels in allKernels {
        let buffer = Block(base)
        let out = Block<Float>(repeating: 12345, count: count)
        let top = kernels.delta(
          tuned.pointer, dtype, base: buffer.pointer, into: out.pointer, count: count)
        #expect(out.values.patterns == expected.patterns, "\(kernels.level.name) \(count)")
        #expect(top.anyNaN == expected.largestMagnitude, "\(kernels.level.name) \(count)")
        #expect(out.isMarkUntouched)
        _ = kernels.delta(
          tuned.pointer, dtype, base: buffer.pointer, into: buffer.pointer, count: count)
        #expect(
          buffer.values.patterns == expected.patterns, "\(kernels.level.name) \(count), in place")
      }
      tuned.keep()
    }
  }

  @Test("A difference of two runs is the delta to the widened base", arguments: dtypes)
  func difference(dtype: DType) {
    for content in BlockContent.allCases {
      for count in blockLengths {
        let (tuned, values) = content.tensor(dtype, count: count, byteOffset: count % 4)
        let (base, baseValues) = content.tensor(
          dtype, count: count, byteOffset: (count + 1) % 4, seed: 2)
        let expected = zip(values, baseValues).map { tuned, base in tuned - base }
        for kernels in allKernels {
          let out = Block<Float>(repeating: 12345, count: count)
          let top = kernels.difference(
            tuned.pointer, base.pointer, dtype, into: out.pointer, count: count)
          #expect(out.values.patterns == expected.patterns, "\(kernels.level.name) \(count)")
          #expect(top.anyNaN == expected.largestMagnitude, "\(kernels.level.name) \(count)")
          #expect(out.isMarkUntouched)
        }
        tuned.keep()
        base.keep()
      }
    }
  }

  @Test(
    "Finishing scales, adds and rounds, each on its own", arguments: dtypes, BlockContent.allCases)
  func finish(dtype: DType, content: BlockContent) {
    for (index, count) in blockLengths.enumerated() {
      let mergeScale = [Float(1), 0.7, -0.3, 1.1][index % 4]
      let base = content.values(count, seed: 4)
      let merged = BlockContent.bellShaped.values(count, seed: 5)
      let exact = ScalarKernels.finished(base: base, merged: merged, mergeScale: mergeScale)
      let rounded = exact.map { ScalarKernels.rounded($0, to: dtype) }
      let bytes = ScalarKernels.encoded(rounded, dtype)
      for kernels in allKernels {
        let out = Block<UInt8>(repeating: 0xa5, count: bytes.count, byteOffset: count % 4)
        let top = kernels.finish(
          base: base, merged: merged, mergeScale: mergeScale, into: out.pointer, dtype,
          count: count)
        if content != .notFinite {
          #expect(out.values == bytes, "\(kernels.level.name) \(count)")
        } else {
          let written = out.values
          let values = (0..<count).map { ScalarKernels.element(written, dtype, at: $0) }
          #expect(values.patterns == rounded.patterns, "\(kernels.level.name) \(count)")
        }
        #expect(top.anyNaN == rounded.largestMagnitude, "\(kernels.level.name) \(count)")
        #expect(out.isMarkUntouched)
      }
    }
  }

  @Test("A product is rounded before it is added", arguments: allKernels)
  func noFusing(kernels: Kernels) {
    // (1 + 2^-23) * (1 - 2^-23) is 1 - 2^-46 before rounding, and 1 after it.
    let scale = Float(1).nextUp
    let merged = [Float](repeating: 1 - 0x1p-23, count: 100)
    let base = [Float](repeating: -1, count: 100)
    let out = Block<UInt8>(repeating: 0, count: 400)
    let top = kernels.finish(
      base: base, merged: merged, mergeScale: scale, into: out.pointer, .f32, count: 100)
    #expect(scale * merged[0] == 1)
    #expect(top == 0)
  }

  @Test("The first value that is not finite is found", arguments: allKernels)
  func firstNonFinite(kernels: Kernels) {
    var values = BlockContent.bellShaped.values(200)
    #expect(kernels.firstNonFinite(values, count: 200) == nil)
    values[170] = .nan
    #expect(kernels.firstNonFinite(values, count: 200) == 170)
    #expect(kernels.firstNonFinite(values, count: 170) == nil)
    values[70] = -.infinity
    #expect(kernels.firstNonFinite(values, count: 200) == 70)
  }
}
