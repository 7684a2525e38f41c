import SluiceFormats
import SluiceKernels
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("The file of histograms")
struct HistogramStoreTests {
  @Test("histograms come back as they were put, the last of a place wins") func roundTrip() throws {
    let directory = try ScratchDirectory()
    let store = HistogramStore(
      try WorkFile.create(at: directory("histograms")), stripCount: 3, modelCount: 2)
    let exact = MagnitudeHistogram([.init(bits: 0, count: 7), .init(bits: 0x3f80_0000, count: 2)])
    let binned = MagnitudeHistogram([
      .init(bits: 0, count: 1),
      .init(bits: 0x3f80_0000, span: MagnitudeHistogram.binWidth, count: 5, offsetSum: 1234),
      .init(bits: 0x4000_0000, count: 3),
    ])
    try store.put(exact, strip: 2, model: 1)
    try store.put(exact, strip: 0, model: 0)
    try store.put(binned, strip: 0, model: 0)
    #expect(try store.histogram(strip: 2, model: 1) == exact)
    #expect(try store.histogram(strip: 0, model: 0) == binned)
    #expect(try store.histogram(strip: 1, model: 0) == MagnitudeHistogram([]))
    #expect(store.records.byteCount > 0)
  }
}
