import SluiceKernels
import Testing

@Suite("Histograms from files")
struct HistogramReadingTests {
  private typealias Entry = MagnitudeHistogram.Entry
  private static let width = MagnitudeHistogram.binWidth

  private func read(_ entries: [Entry]) -> MagnitudeHistogram? {
    MagnitudeHistogram(
      read: entries.map(\.bits), counts: entries.map(\.count),
      offsetSums: entries.contains { $0.span > 1 }
        ? entries.map { $0.span > 1 ? $0.offsetSum : nil } : [])
  }

  @Test("runs that deltas can have are read")
  func readable() {
    let entries = [
      Entry(bits: 0, count: 3), Entry(bits: 1, count: 1),
      Entry(bits: Self.width, span: Self.width, count: 2, offsetSum: 2 * UInt64(Self.width - 1)),
      Entry(bits: 2 * Self.width, count: 1 << 40), Entry(bits: 0x7f80_0000, count: 1),
    ]
    #expect(read(entries)?.entries == entries)
    #expect(read([]) == MagnitudeHistogram([]))
  }

  @Test(
    "runs that no deltas have are none",
    arguments: [
      [Entry(bits: 2, count: 1), Entry(bits: 1, count: 1)],
      [Entry(bits: 1, count: 1), Entry(bits: 1, count: 1)],
      [Entry(bits: 0, span: width, count: 1), Entry(bits: 5, count: 1)],
      [Entry(bits: 5, span: width, count: 1)],
      [Entry(bits: 0x7f80_0001, count: 1)],
      [Entry(bits: 0x8000_0000, count: 1)],
      [Entry(bits: .max, span: width, count: 1)],
      [Entry(bits: 0, count: 0)],
      [Entry(bits: 0, count: 1 << 41)],
      [Entry(bits: 0, count: .max)],
      [Entry(bits: 0, span: width, count: 2, offsetSum: 2 * UInt64(width))],
      [Entry(bits: 0, span: width, count: 1, offsetSum: .max)],
    ])
  func refuse(entries: [MagnitudeHistogram.Entry]) {
    #expect(read(entries) == nil)
  }

  @Test("lists of different lengths, and more elements than can be counted, are none")
  func refuseLists() {
    #expect(MagnitudeHistogram(read: [1, 2], counts: [1]) == nil)
    #expect(MagnitudeHistogram(read: [0], counts: [1], offsetSums: [nil, nil]) == nil)
    let many = (0..<UInt32(1 << 23)).map { $0 }
    #expect(
      MagnitudeHistogram(
        read: many, counts: Array(repeating: UInt64(1) << 40, count: many.count)) == nil)
  }
}
