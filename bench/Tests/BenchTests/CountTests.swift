import Measuring
import Platform
import Testing

@testable import Suite

@Suite struct CountTests {
  private static let pass = Counts.Pass(
    name: "survey", bytesRead: 100, bytesSpilled: 5, bytesWritten: 0)

  private func compare(_ now: Counts, _ stored: Counts) -> CountComparison {
    CountComparison(
      measured: [CountedScenario(name: "sum", counts: now, stored: now)], stored: ["sum": stored])
  }

  @Test("Counts, stored and read back, are the same")
  func roundTrip() throws {
    let counts = Counts(
      passes: [CountTests.pass], values: [.bytesRead: 12, .allocationsPerChunk: 3.25])
    var stored = StoredCounts()
    stored.update([CountedScenario(name: "sum", counts: counts, stored: counts)], shape: "tiny")
    let again = try StoredCounts(json: JSON(parsing: Array(stored.json.text.utf8)))
    #expect(again == stored)
    #expect(again.counts(shape: "tiny") == ["sum": counts])
    #expect(again.counts(shape: "other").isEmpty)
  }

  @Test("What is no file of counts, or holds a number without a meaning, is refused")
  func refused() {
    for text in [
      "{}", #"{"version": 2, "shapes": {}}"#, #"{"version": 1, "shapes": {"a": {"b": {"c": 1}}}}"#,
    ] {
      #expect(throws: BenchFailure.self) {
        try StoredCounts(json: JSON(parsing: Array(text.utf8)))
      }
    }
  }

  @Test(
    "More than the tolerance is a regression, as much as it is none, less is news",
    arguments: [
      (.bytesRead, 1000, 1001, 1, 0), (.bytesRead, 1000, 1000, 0, 0),
      (.bytesRead, 1000, 999, 0, 1), (.allocations, 1000, 1110, 0, 0),
      (.allocations, 1000, 1111, 1, 0), (.allocations, 1000, 889, 0, 1),
      (.peakMemory, 0x1p30, 0x1p30 * 1.2, 1, 0), (.peakMemory, 0x1p30, 0x1p30 * 1.1, 0, 0),
      (.peakMemory, 0x1p30, 0x1p20, 0, 0), (.allocationsPerChunk, 0, 1.5, 1, 0),
    ] as [(Counts.Quantity, Double, Double, Int, Int)])
  func tolerance(
    _ quantity: Counts.Quantity, _ before: Double, _ now: Double, _ regressions: Int, _ news: Int
  ) {
    let comparison = compare(Counts(values: [quantity: now]), Counts(values: [quantity: before]))
    #expect(comparison.regressions.count == regressions)
    #expect(comparison.news.count == news)
  }

  @Test("A further pass, more bytes in a pass, and a number no longer counted are regressions")
  func passes() {
    let one = Counts(passes: [CountTests.pass], values: [:])
    let two = Counts(passes: [CountTests.pass, CountTests.pass], values: [:])
    #expect(compare(two, one).regressions == ["sum: passes survey, survey, stored survey"])
    #expect(compare(one, two).regressions.isEmpty && compare(one, two).news.count == 1)
    let more = Counts.Pass(name: "survey", bytesRead: 101, bytesSpilled: 5, bytesWritten: 0)
    #expect(
      compare(Counts(passes: [more], values: [:]), one).regressions
        == ["sum: pass survey: bytesRead 101, stored 100, at most 100"])
    #expect(compare(one, Counts(passes: one.passes, values: [.mappings: 1])).regressions.count == 1)
  }

  @Test("A scenario without stored counts is news, and one that was not counted is passed over")
  func unknown() {
    let counts = Counts(values: [.bytesRead: 1])
    let comparison = CountComparison(
      measured: [CountedScenario(name: "sum", counts: counts, stored: counts)],
      stored: ["average": counts])
    #expect(comparison.regressions.isEmpty)
    #expect(comparison.news == ["sum: no counts are stored"])
  }

  @Test("Of repeats the smallest numbers are compared, and the largest peaks stored")
  func repeats() {
    let first = Counts(values: [.allocations: 10, .peakMemory: 7])
    let second = Counts(values: [.allocations: 12, .peakMemory: 5])
    let (smallest, stored) = Counts.combine([first, second])
    #expect(smallest.values == [.allocations: 10, .peakMemory: 5])
    #expect(stored.values == [.allocations: 10, .peakMemory: 7])
  }

  @Test("Growth is the difference divided by what there is more of")
  func growth() throws {
    func counts(_ allocations: Double, _ mappings: Double) -> Counts {
      Counts(values: [.allocations: allocations, .mappings: mappings])
    }
    let growth = Growth.counts(
      small: counts(1000, 10), moreChunks: counts(1060, 40), moreLayers: counts(1900, 10),
      chunks: 30, tensors: 9)
    #expect(
      growth.values == [.allocationsPerChunk: 2, .mappingsPerChunk: 1, .allocationsPerTensor: 100])
    let one = try #require(Growth.all.first)
    #expect(try one.furtherTensors() == 40 * 9)
    // 48 MiB of BF16 in chunks of 2^20 elements.
    #expect(try one.furtherChunks(of: 1 << 20) == 24)
  }
}
