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

  @Test("The sum of magnitudes is that of the scalar reference", arguments: allKernels)
  func sumUnits(kernels: Kernels) {
    for count in Self.lengths {
      var generator = BlockGenerator(state: UInt64(count))
      // From zero on, and from others; 10 binades of which all are near each other.
      for first: UInt32 in [0, 1, 0x80_0000, 0x3f80_0000] {
        var bits = (0..<count).map { _ in first + UInt32(generator.next() % (10 << 23)) }
        bits.append(first)
        bits.sort()
        let counts = bits.map { _ in generator.next() >> 40 }
        #expect(
          kernels.sumUnits(bits, counts, count: bits.count) == ScalarKernels.units(bits, counts))
      }
    }
  }

  @Test("Each of the largest elements is found in the run that has it", arguments: allKernels)
  func find(kernels: Kernels) {
    for count in Self.lengths {
      let (bits, counts) = Self.runs(count, seed: UInt64(count))
      let record = ScalarKernels.record(bits, counts)
      var above = 0
      for run in bits.indices.reversed() {
        for position in [above + 1, above + Int(counts[run])] {
          let found = find(kernels, position, record)
          #expect(found?.bits == bits[run] && found?.above == above)
          #expect(found?.count == Int(counts[run]))
        }
        above += Int(counts[run])
      }
      #expect(find(kernels, above + 1, record) == nil)
    }
  }

  @Test("Lists that are too short for their bytes are not read beyond", arguments: allKernels)
  func findInShortLists(kernels: Kernels) {
    for count in Self.lengths {
      let (bits, counts) = Self.runs(count, seed: UInt64(count))
      var record = ScalarKernels.record(bits, counts)
      (record.listedSteps, record.lows, record.listedCounts) = ([], [], [])
      // A count that is in no list is what its byte says.
      let shorter = counts.map { Int(min($0, 255)) }
      #expect(find(kernels, shorter.reduce(0, +), record)?.count == shorter[0])
      #expect(find(kernels, shorter.reduce(1, +), record) == nil)
    }
  }

  private func find(
    _ kernels: Kernels, _ position: Int, _ record: ScalarKernels.Record
  ) -> (bits: UInt32, count: Int, above: Int)? {
    // As a record has them: the lists lie behind the bytes.
    let all =
      record.steps + record.counts + record.listedSteps + record.lows + record.listedCounts
    let runs = record.steps.count
    return all.withUnsafeBytes { bytes in
      let listed = 2 * runs
      let lows = listed + record.listedSteps.count
      let found = kernels.findLargest(
        position, among: UnsafeRawBufferPointer(rebasing: bytes[runs..<2 * runs]),
        list: UnsafeRawBufferPointer(rebasing: bytes[(lows + record.lows.count)...]))
      guard let found, let start = bytes.baseAddress else { return nil }
      let bits = kernels.findBits(
        of: found.run, steps: start, listed: (start + listed, record.listedSteps.count / 2),
        lows: (start + lows, record.lows.count / 2))
      return (bits, found.count, found.above)
    }
  }
}
