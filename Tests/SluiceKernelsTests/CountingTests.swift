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
      let expected = ScalarKernels.histogram(all, shift: shift)
      #expect(listed == expected.side, "\(content)")
      let counted = drain(kernels, table, shift: shift, [0..<Kernels.binCount(shift: shift)])
      #expect(
        Dictionary(uniqueKeysWithValues: counted.map { (Int($0 >> UInt32(shift)), UInt32($1)) })
          == expected.counts, "\(content)")
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

  /// Drains ranges of a table, one after the other, with what is listed in each.
  private func drain(
    _ kernels: Kernels, _ table: Block<UInt32>, shift: Int, _ ranges: [Range<Int>],
    _ listed: [(key: UInt32, value: UInt32)] = []
  ) -> [UInt32: UInt64] {
    let (listedBits, listedCounts) = (listed.map(\.key), listed.map(\.value))
    var all: [UInt32: UInt64] = [:]
    for range in ranges {
      let here =
        listedBits.indices.filter { range.contains(Int(listedBits[$0] >> UInt32(shift))) }
      let first = here.first ?? 0
      let room = range.count + here.count + Kernels.drainSlack
      let (bits, counts) = (
        Block<UInt32>(repeating: 0, count: room), Block<UInt64>(repeating: 0, count: room)
      )
      let found = kernels.drainHistogram(
        table.pointer, shift: shift, bins: range,
        listed: (listedBits, listedCounts, first..<first + here.count), bits: bits.pointer,
        counts: counts.pointer)
      #expect(bits.isMarkUntouched && counts.isMarkUntouched)
      let own = bits.values.prefix(found)
      #expect(zip(own, own.dropFirst()).allSatisfy { $0 < $1 })
      for (bits, count) in zip(own, counts.values) { all[bits] = count }
    }
    return all
  }

  @Test(
    "Draining a table gives each bin's number and what is listed, in order, and clears it",
    arguments: allKernels, [Kernels.brainShift, Kernels.halfShift])
  func drain(kernels: Kernels, shift: Int) {
    let binCount = Kernels.binCount(shift: shift)
    let table = Block<UInt32>(repeating: 0, count: Kernels.tableCount(shift: shift))
    for (content, cut) in zip(BlockContent.allCases, sequence(first: 1) { $0 * 2 + 3 }) {
      let delta = content.values(5003, seed: UInt64(shift))
      let side = Block<UInt32>(repeating: 0, count: delta.count)
      _ = kernels.histogram(
        delta, count: delta.count, shift: shift, table: table.pointer, side: side.pointer)
      var listed: [UInt32: UInt32] = [:]
      var expected: [UInt32: UInt64] = [:]
      for bits in delta.map(ScalarKernels.magnitudeBits) {
        expected[bits, default: 0] += 1
        if bits & (1 << UInt32(shift) - 1) != 0 { listed[bits, default: 0] += 1 }
      }
      // Between two ranges what was met stays, and is found later.
      let middle = (binCount / 2 + cut)..<(binCount / 2 + 3 * cut)
      let ranges = [0..<cut, cut..<middle.lowerBound, middle.upperBound..<binCount, middle]
      let sorted = listed.sorted { $0.key < $1.key }
      let found = drain(kernels, table, shift: shift, ranges, sorted)
      #expect(found == expected, "\(content)")
      #expect(table.values.allSatisfy { $0 == 0 } && table.isMarkUntouched)
    }
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
    "Counting magnitudes finds those that differ, in ascending order", arguments: allKernels,
    [0, 1, 2, 15, 63, 64, 65, 127, 128, 129, 255, 256, 257, 3000])
  func countMagnitudes(kernels: Kernels, count: Int) {
    for mask: UInt32 in [0x7fff_ffff, 0x7ff, 0x3f_f800, 0, 0xf] {
      var generator = BlockGenerator(state: UInt64(count))
      let values = (0..<count).map { _ in UInt32(truncatingIfNeeded: generator.next()) & mask }
      let found = Block(values, after: 99)
      let counts = Block<UInt32>(repeating: 98, count: count)
      let differing = kernels.countMagnitudes(found.pointer, counts: counts.pointer, count: count)
      let expected = Dictionary(grouping: values, by: \.self).sorted { $0.key < $1.key }
      #expect(found.values.prefix(differing) == expected.map(\.key)[...])
      #expect(counts.values.prefix(differing) == expected.map { UInt32($1.count) }[...])
      #expect(found.isMarkUntouched && counts.isMarkUntouched)
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
}
