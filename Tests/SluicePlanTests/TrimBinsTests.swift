import SluiceKernels
import SluiceTestSupport
import Testing

@testable import SluicePlan

@Suite("Where parts of a model that tell each other bins are cut")
struct TrimBinsTests {
  @Test(
    "is where all of it is cut when every magnitude is known", arguments: 0..<8 as Range<UInt64>)
  func cuts(seed: UInt64) throws {
    var random = RepeatableGenerator(seed: seed)
    // Zeros, numbers too small to be normal, few bins, many ties.
    let bits = (0..<400).map { _ -> UInt32 in
      switch Int.random(in: 0..<4, using: &random) {
      case 0: 0
      case 1: UInt32.random(in: 0..<40_000, using: &random)
      case 2: 0x3c00_0000 + UInt32.random(in: 0..<100_000, using: &random) / 64 * 64
      default: UInt32.random(in: 0x3800_0000..<0x3f80_0000, using: &random)
      }
    }
    func histogram(_ bits: [UInt32]) -> MagnitudeHistogram {
      let counts = Dictionary(grouping: bits) { $0 }.mapValues(\.count)
      return MagnitudeHistogram(
        counts.sorted { $0.key < $1.key }.map { .init(bits: $0.key, count: UInt64($0.value)) })
    }
    var bins = TrimBins()
    for part in [bits[..<50], bits[50..<51], bits[51...]] {
      bins.add(TrimBins(histogram(Array(part))))
    }
    #expect(bins.elementCount == bits.count)
    let whole = histogram(bits)
    for wanted in [0, 1, 2, 3, 100, 200, 250, 300, 399, 400] {
      let border = bins.border(keeping: wanted)
      let inside = TrimBins(
        magnitudes: whole.entries.filter { TrimBins.bin(of: $0.bits) == border })
      let cut = try #require(bins.cut(keeping: wanted, inside))
      #expect(try cut == whole.cut(keeping: wanted, tieBreak: .keep), "\(wanted)")
      // One magnitude too many, or in another bin, is not what was counted.
      if let border {
        var more = inside
        more.add(1, to: border)
        #expect(bins.cut(keeping: wanted, more) == nil)
        var elsewhere = inside
        elsewhere.add(-1, to: inside.counts.keys.max() ?? 0)
        elsewhere.add(1, to: border ^ 0x4000_0000)
        #expect(bins.cut(keeping: wanted, elsewhere) == nil)
      }
    }
  }
}
