import SluiceKernels
import Testing

@Suite("Histograms from files")
struct HistogramReadingTests {
  private typealias Entry = MagnitudeHistogram.Entry
  private static let width = MagnitudeHistogram.binWidth

  @Test("runs that deltas can have are read")
  func read() {
    let entries = [
      Entry(bits: 0, count: 3), Entry(bits: 1, count: 1),
      Entry(bits: Self.width, span: Self.width, count: 2, offsetSum: 2 * UInt64(Self.width - 1)),
      Entry(bits: 2 * Self.width, count: 1 << 40), Entry(bits: 0x7f80_0000, count: 1),
    ]
    #expect(MagnitudeHistogram(read: entries)?.entries == entries)
    #expect(MagnitudeHistogram(read: []) == MagnitudeHistogram([]))
  }

  @Test(
    "runs that no deltas have are none",
    arguments: [
      [Entry(bits: 2, count: 1), Entry(bits: 1, count: 1)],
      [Entry(bits: 1, count: 1), Entry(bits: 1, count: 1)],
      [Entry(bits: 0, span: width, count: 1), Entry(bits: 5, count: 1)],
      [Entry(bits: 5, span: width, count: 1)],
      [Entry(bits: 0, span: 2, count: 1)],
      [Entry(bits: 0, span: 0, count: 1)],
      [Entry(bits: 0x7f80_0001, count: 1)],
      [Entry(bits: 0x8000_0000, count: 1)],
      [Entry(bits: .max, span: width, count: 1)],
      [Entry(bits: 0, count: 0)],
      [Entry(bits: 0, count: 1 << 41)],
      [Entry(bits: 0, count: .max)],
      [Entry(bits: 0, count: 1, offsetSum: 1)],
      [Entry(bits: 0, span: width, count: 2, offsetSum: 2 * UInt64(width))],
      [Entry(bits: 0, span: width, count: 1, offsetSum: .max)],
    ])
  func refuse(entries: [MagnitudeHistogram.Entry]) {
    #expect(MagnitudeHistogram(read: entries) == nil)
  }
}
