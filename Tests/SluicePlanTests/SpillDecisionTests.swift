import SluiceFormats
import Testing

@testable import SluicePlan

@Suite("Whether a spill is worth it")
struct SpillDecisionTests {
  /// Models of 10^9 elements of two bytes, all of them in layers that are pruned.
  private static func decision(models: Int, readRate: Double, lanes: Int = 2) -> SpillDecision {
    let model = 2_000_000_000
    return SpillDecision(
      inputByteCount: model * (models + 1), surveyedByteCount: model * (models + 1),
      savedByteCount: model * models, elementCount: 1_000_000_000 * models,
      outputByteCount: model, lanes: lanes,
      rate: DiskRate(reading: readRate, unhiddenWriting: 0.5))
  }

  /// Frames take a third to a half of a byte for each element.
  private static func frames(_ codec: FrameCodec, models: Int) -> Int {
    1_000_000_000 * models / (codec == .none ? 2 : 3)
  }

  @Test("On a slow disk it is the bytes that count: the smallest frames win", arguments: [1, 2, 8])
  func slow(_ models: Int) throws {
    let decision = Self.decision(models: models, readRate: 50e6)
    let best = try #require(
      decision.best(room: .max) { Self.frames($0, models: models) })
    #expect(best.codec != .none)
    #expect(decision.isWorthIt(best.seconds))
    // Twice all inputs at a little less than 50 MB/s, and half of what is written meanwhile.
    let reread = (2 * Double(models + 1) * 40 + 20) / 0.92
    #expect(abs(decision.rereadSeconds / reread - 1) < 0.05)
  }

  @Test("Where the disk is faster than packing, models are read again")
  func fast() throws {
    let decision = Self.decision(models: 2, readRate: 50e9, lanes: 1)
    let best = try #require(decision.best(room: .max) { Self.frames($0, models: 2) })
    #expect(!decision.isWorthIt(best.seconds))
  }

  @Test("Frames for which the budget has room cost no time of the disk") func held() throws {
    var decision = Self.decision(models: 2, readRate: 5e8)
    func seconds() throws -> Double {
      try #require(decision.best(room: .max) { Self.frames($0, models: 2) }).seconds
    }
    let none = try seconds()
    decision.heldByteCount = Self.frames(.rice, models: 2)
    // Read once less at 0.92 of the rate, and half of what is written beside longer reading.
    #expect(try seconds() < none - 1.4 * 666e6 / (0.92 * 5e8))
    let budget = 512 << 20
    let two = SpillDecision.heldByteCount(of: budget, lanes: 2, modelCount: 2)
    #expect(two > budget * 3 / 4 && two < budget)
    #expect(SpillDecision.heldByteCount(of: budget, lanes: 16, modelCount: 8) == 0)
  }

  @Test("More lanes pack faster, and reading stays what it is")
  func lanes() throws {
    let (few, many) = (
      Self.decision(models: 2, readRate: 7e9, lanes: 2),
      Self.decision(models: 2, readRate: 7e9, lanes: 32)
    )
    let (slow, fast) = (
      try #require(few.best(room: .max) { Self.frames($0, models: 2) }),
      try #require(many.best(room: .max) { Self.frames($0, models: 2) })
    )
    #expect(fast.seconds < slow.seconds)
    #expect(many.isWorthIt(fast.seconds) && !few.isWorthIt(slow.seconds))
  }

  @Test("What does not fit the disk is not chosen")
  func diskSpace() throws {
    let decision = Self.decision(models: 2, readRate: 50e6)
    let room = Self.frames(.rice, models: 2)
    #expect(decision.best(room: room - 1) { Self.frames($0, models: 2) } == nil)
    let best = try #require(
      decision.best(room: room) { $0 == .rice ? room : room + 1 })
    #expect(best.codec == .rice)
  }

  @Test(
    "Where a disk counts what it gives and takes apart, writing beside longer reading costs nothing"
  )
  func apart() {
    var decision = Self.decision(models: 2, readRate: 50e6)
    let half = decision.rereadSeconds
    decision.rate = DiskRate(reading: 50e6, unhiddenWriting: 0)
    let apart = decision.rereadSeconds
    decision.rate = DiskRate(reading: 50e6, unhiddenWriting: 1)
    let output = 2e9 / (0.92 * 50e6)
    #expect(abs(half - apart - output / 2) < 0.01 * output)
    #expect(abs(decision.rereadSeconds - apart - output) < 0.01 * output)
  }

  @Test("What is not hidden is measured of reading and writing at a time")
  func unhidden() throws {
    func part(_ read: Int, _ written: Int, _ seconds: Double) -> Double? {
      DiskRate.unhidden(
        DiskRate.Probe(read: read, written: written, seconds: seconds), reading: 1000)
    }
    #expect(part(1000, 1000, 1) == 0)
    #expect(part(1000, 1000, 2) == 1)
    #expect(part(1000, 500, 1.25) == 0.5)
    #expect(part(500, 1000, 1.25) == 0.5)
    // A disk that takes less than it gives, and one that was faster than before.
    #expect(part(1000, 100, 3) == 1)
    #expect(part(1000, 100, 0.9) == 0)
    #expect(part(1000, 0, 1) == nil)
  }
}
