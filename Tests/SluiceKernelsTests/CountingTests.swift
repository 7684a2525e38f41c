import SluiceCore
import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels that count magnitudes") struct CountingTests {
  /// Places that are not zero, of a table of any size.
  private func nonZero<Number: BinaryInteger>(_ table: [Number]) -> [Int: Number] {
    var out: [Int: Number] = [:]
    for (index, value) in table.enumerated() where value != 0 { out[index] = value }
    return out
  }

  @Test(
    "A histogram counts every element, and lists those with lower bits", arguments: allKernels,
    [Kernels.brainShift, Kernels.halfShift])
  func histogram(kernels: Kernels, shift: Int) {
    let tableCount = Kernels.tableCount(shift: shift)
    let table = Block<UInt32>(repeating: 0, count: tableCount)
    for content in BlockContent.allCases {
      var all: [Float] = []
      var listed: [UInt32] = []
      table.pointer.update(repeating: 0, count: tableCount)
      for count in blockLengths {
        let delta = content.values(count, seed: UInt64(count))
        let side = Block<UInt32>(repeating: 99, count: count)
        let counted = kernels.histogram(
          delta, count: count, shift: shift, table: table.pointer, side: side.pointer)
        all += delta
        listed += side.values.prefix(counted.listed)
        let bits = delta.map(\.magnitude.bitPattern)
        #expect(counted.largest == bits.max() ?? 0, "\(content) \(count)")
        #expect(counted.smallest == bits.filter { $0 > 0 }.min() ?? 1 << 31, "\(content) \(count)")
        #expect(side.isMarkUntouched)
      }
      kernels.foldHistogram(
        table.pointer, shift: shift, bins: 0..<Kernels.binCount(shift: shift))
      let expected = ScalarKernels.histogram(all, shift: shift)
      #expect(listed == expected.side, "\(content)")
      var counted: [Int: UInt32] = [:]
      for bin in expected.counts.keys { counted[bin] = table.pointer[bin] }
      #expect(counted == expected.counts, "\(content)")
      let total = expected.counts.keys.reduce(0) { $0 + Int(table.pointer[$1]) }
      #expect(total == all.count)
      #expect(table.isMarkUntouched)
    }
  }

  @Test(
    "A histogram of differences is the histogram of the deltas", arguments: allKernels,
    [DType.bf16, .f16])
  func differenceHistogram(kernels: Kernels, dtype: DType) {
    for shift in [Kernels.brainShift, Kernels.halfShift] {
      let size = Kernels.tableCount(shift: shift)
      let tables = (
        Block<UInt32>(repeating: 0, count: size), Block<UInt32>(repeating: 0, count: size)
      )
      for (index, count) in blockLengths.enumerated() {
        let content = BlockContent.allCases[(index + shift) % BlockContent.allCases.count]
        let (tuned, values) = content.tensor(dtype, count: count, byteOffset: count % 4)
        let (base, baseValues) = content.tensor(
          dtype, count: count, byteOffset: (count + 1) % 4, seed: 2)
        let deltas = zip(values, baseValues).map { tuned, base in tuned - base }
        let sides = (
          Block<UInt32>(repeating: 99, count: count), Block<UInt32>(repeating: 99, count: count)
        )
        let expected = kernels.histogram(
          deltas, count: count, shift: shift, table: tables.0.pointer, side: sides.0.pointer)
        let counted = kernels.differenceHistogram(
          tuned.pointer, base.pointer, dtype, count: count, shift: shift,
          table: tables.1.pointer, side: sides.1.pointer)
        #expect(counted.listed == expected.listed, "\(content) \(count)")
        #expect(
          sides.1.values.prefix(counted.listed) == sides.0.values.prefix(expected.listed))
        #expect(counted.largest.anyNaN == deltas.largestMagnitude, "\(content) \(count)")
        #expect(counted.smallest == expected.smallest, "\(content) \(count)")
        #expect(sides.1.isMarkUntouched)
        tuned.keep()
        base.keep()
      }
      #expect(tables.0.values == tables.1.values)
      #expect(tables.1.isMarkUntouched)
    }
  }

  @Test("Folding adds up the counters of each bin", arguments: [15, 12])
  func fold(shift: Int) {
    let perBin = Kernels.tableCount(shift: shift) / Kernels.binCount(shift: shift)
    #expect(perBin == (shift == 15 ? 2 : 1))
    let counters = (0..<UInt32(Kernels.tableCount(shift: shift))).map { ($0 &* 2_654_435_761) >> 8 }
    let table = Block(counters, after: 7)
    // In two parts, as what lies between may be left out.
    let parts = [0..<1000, 1000..<Kernels.binCount(shift: shift)]
    for bins in parts {
      Kernels.best.foldHistogram(table.pointer, shift: shift, bins: bins)
    }
    let isAdded = (0..<Kernels.binCount(shift: shift)).allSatisfy { bin in
      let own = counters[perBin * bin..<perBin * bin + perBin]
      return table.pointer[bin] == own.reduce(0, +)
    }
    #expect(isAdded)
    #expect(table.isMarkUntouched)
  }

  @Test("A binned histogram has counts above and sums below", arguments: allKernels)
  func binnedHistogram(kernels: Kernels) {
    let table = Block<UInt64>(repeating: 0, count: 1 << 16)
    var all: [Float] = []
    for content in BlockContent.allCases {
      for count in blockLengths {
        let delta = content.values(count, seed: UInt64(count + 7))
        kernels.binnedHistogram(delta, count: count, table: table.pointer)
        all += delta
      }
    }
    let expected = ScalarKernels.binnedHistogram(all).mapValues { $0.count << 40 | $0.sum }
    #expect(nonZero(table.values) == expected)
    #expect(table.isMarkUntouched)
  }

  @Test("A full bin holds its capacity of elements without spilling over", arguments: allKernels)
  func binnedCapacity(kernels: Kernels) {
    let one = UInt64(1) << 40 | 0x7fff
    let table = Block<UInt64>(repeating: 0, count: 1 << 16)
    let value = Float(bitPattern: 0x3f80_7fff)
    let bin = 0x3f80_7fff >> 15
    table.pointer[bin] = one * UInt64(Kernels.binnedCapacity - 1)
    kernels.binnedHistogram([value], count: 1, table: table.pointer)
    #expect(table.pointer[bin] >> 40 == (1 << 24) - 1)
    #expect(table.pointer[bin] & ((1 << 40) - 1) == ((1 << 24) - 1) * 0x7fff)
  }

  @Test(
    "Collecting counts the lower bits of the elements in the given bins", arguments: allKernels,
    [0, 1, 2, 5, 32])
  func collect(kernels: Kernels, keyCount: Int) {
    let tables = Block<UInt32>(repeating: 0, count: keyCount << 15)
    for content in [BlockContent.bellShaped, .signedZeros, .subnormal, .anyFinite] {
      tables.pointer.update(repeating: 0, count: keyCount << 15)
      let delta = blockLengths.map { content.values($0, seed: UInt64($0)) }
      // The bin of zeros, and those of the first elements.
      let bins = [0] + delta.joined().map { ScalarKernels.magnitudeBits($0) >> 15 }
      let keys = Set(bins.prefix(8 * keyCount)).sorted().prefix(keyCount)
      for block in delta {
        kernels.collect(
          block, count: block.count, keys: Array(keys), keyCount: keys.count,
          tables: tables.pointer)
      }
      let expected = ScalarKernels.collect(Array(delta.joined()), keys: Array(keys))
      var found: [Int: UInt32] = [:]
      var total = 0
      for index in 0..<keyCount << 15 where tables.pointer[index] != 0 {
        found[index] = tables.pointer[index]
        total += Int(tables.pointer[index])
      }
      #expect(found == expected, "\(content)")
      #expect(tables.isMarkUntouched)
    }
  }

  @Test(
    "Sorting puts magnitudes in ascending order",
    arguments: [0, 1, 2, 63, 64, 65, 1000, 20000], [UInt32(0x7fff_ffff), 0x7ff, 0x3ff800, 0, 0xff])
  func sortMagnitudes(count: Int, mask: UInt32) {
    var generator = BlockGenerator(state: UInt64(count))
    let values = (0..<count).map { _ in UInt32(truncatingIfNeeded: generator.next()) & mask }
    let sorted = Block(values, after: 99)
    let scratch = Block<UInt32>(repeating: 98, count: count)
    Kernels.best.sortMagnitudes(sorted.pointer, scratch: scratch.pointer, count: count)
    #expect(sorted.values == values.sorted())
    #expect(sorted.isMarkUntouched && scratch.isMarkUntouched)
  }

  @Test(
    "Sorting puts places in the order of their magnitudes, equals as they came",
    arguments: [0, 1, 2, 63, 64, 65, 1000, 20000], [UInt32(0x7fff_ffff), 0x7ff, 0x3ff800, 0, 0xff])
  func sortPlaces(count: Int, mask: UInt32) {
    var generator = BlockGenerator(state: UInt64(count))
    let keys = (0..<count).map { _ in UInt32(truncatingIfNeeded: generator.next()) & mask }
    // Lower halves that descend: a sort of whole numbers would turn equals around.
    let places = keys.enumerated().map { UInt64($1) << 32 | UInt64(count - $0) }
    let sorted = Block(places, after: 99)
    let scratch = Block<UInt64>(repeating: 98, count: count)
    Kernels.best.sortPlaces(sorted.pointer, scratch: scratch.pointer, count: count)
    let expected = places.enumerated().sorted { ($0.1 >> 32, $0.0) < ($1.1 >> 32, $1.0) }
    #expect(sorted.values == expected.map(\.1))
    #expect(sorted.isMarkUntouched && scratch.isMarkUntouched)
  }

  @Test("counters that are not zero are found in any range", arguments: [1, 2, 40, 1000])
  func countedPlaces(oneOf rarity: Int) {
    var random = RepeatableGenerator(seed: UInt64(rarity))
    let counters = AlignedBuffer<UInt32>(count: 700, fill: 0)
    for place in 0..<counters.count where Int.random(in: 0..<rarity, using: &random) == 0 {
      unsafe counters.pointer[place] = .random(in: 1...9, using: &random)
    }
    let places = AlignedBuffer<UInt32>(count: 700, fill: .max)
    for range in [0..<700, 0..<0, 5..<6, 3..<19, 16..<32, 33..<699] {
      let found = counters.countedPlaces(in: range, places)
      #expect(
        (0..<found).map { unsafe Int(places.pointer[$0]) }
          == range.filter { unsafe counters.pointer[$0] != 0 })
    }
  }
}
