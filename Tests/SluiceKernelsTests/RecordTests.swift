import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels of the records of histograms") struct RecordTests {
  /// Ascending runs: neighbours, and some that are far from each other, with and without low bits.
  private static func runs(_ count: Int, seed: UInt64) -> (bits: [UInt32], counts: [UInt64]) {
    var generator = BlockGenerator(state: seed)
    var upper: UInt32 = 0
    var bits: [UInt32] = []
    for _ in 0..<count {
      let random = generator.next()
      upper += [1, 1, 2, 62, 63, 64, 300][Int(random % 7)]
      bits.append(upper << 15 | [0, 0, 1, 0x7f00, 0x7fff][Int(random >> 8 % 5)])
    }
    let counts = bits.map { _ in
      ([1, 7, 254, 255, 256, 1 << 31] as [UInt64])[Int(generator.next() % 6)]
    }
    return (bits, counts)
  }

  private static let lengths = [1, 2, 15, 16, 17, 33, 64, 100]

  @Test("Steps, low bits and counts are those of the scalar reference", arguments: allKernels)
  func put(kernels: Kernels) {
    for count in Self.lengths {
      let (bits, counts) = Self.runs(count, seed: UInt64(count))
      let expected = ScalarKernels.record(bits, counts)
      let bytes = Block<UInt8>(repeating: 0, count: count)
      let list = Block<UInt8>(repeating: 0, count: 2 * count)
      let listed = bits.withUnsafeBufferPointer {
        kernels.putSteps($0, into: bytes.pointer, list: list.pointer)
      }
      #expect(bytes.values == expected.steps)
      #expect(list.values.prefix(2 * listed) == expected.listedSteps[...])
      let lows = Block<UInt8>(repeating: 0, count: 2 * count + Kernels.lowSlack)
      let found = bits.withUnsafeBufferPointer { kernels.putLows($0, into: lows.pointer) }
      #expect(lows.values.prefix(2 * found) == expected.lows[...])
      let numbers = Block<UInt8>(repeating: 0, count: 10 * count)
      let length = counts.withUnsafeBufferPointer {
        kernels.putCounts($0, into: bytes.pointer, list: numbers.pointer)
      }
      #expect(bytes.values == expected.counts)
      #expect(numbers.values.prefix(length) == expected.listedCounts[...])
      #expect(
        bytes.isMarkUntouched && list.isMarkUntouched && lows.isMarkUntouched
          && numbers.isMarkUntouched)
    }
  }

  @Test("The units of a binade are the sum over its elements", arguments: allKernels)
  func addUnits(kernels: Kernels) {
    for count in Self.lengths {
      let (bits, _) = Self.runs(count, seed: UInt64(count))
      var generator = BlockGenerator(state: UInt64(count))
      let counts = bits.map { _ in generator.next() >> 40 }
      let expected = ScalarKernels.units(bits, counts)
      let units = Block<UInt64>(repeating: 7, count: 256)
      kernels.addUnits(bits, counts, count: count, into: units.pointer)
      let binades = Int(bits[0] >> 23)...Int(bits[count - 1] >> 23)
      #expect(binades.allSatisfy { units.values[$0] == expected[$0, default: 0] })
      #expect(units.values.indices.allSatisfy { binades.contains($0) || units.values[$0] == 7 })
      #expect(units.isMarkUntouched)
    }
  }
}
