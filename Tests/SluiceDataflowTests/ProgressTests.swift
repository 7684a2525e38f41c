@testable import SluiceDataflow
import Testing

@Suite("Progress") struct ProgressTests {
  static func time(_ seconds: Double) -> MonotonicTime {
    MonotonicTime(nanoseconds: Int64(seconds * 1e9))
  }

  @Test("a steady rate is told exactly, however often it is sampled", arguments: [1, 2, 10, 100])
  func steadyRate(samplesPerSecond: Int) throws {
    var rate = RateEstimate()
    #expect(rate.perSecond == nil)
    for _ in 0..<(5 * samplesPerSecond) {
      rate.add(800 / Double(samplesPerSecond), in: 1 / Double(samplesPerSecond))
    }
    #expect(abs(try #require(rate.perSecond) - 800) < 1e-6)
  }

  @Test("the rate follows a change, and forgets as told")
  func changingRate() throws {
    var rate = RateEstimate(memorySeconds: 1)
    rate.add(100, in: 1)
    rate.add(0, in: 0)
    #expect(rate.perSecond == 100)
    rate.add(0, in: 1)
    // One second of 100 that counts 1/e, and one second of nothing.
    let expected: Double = 100 / (1 + 2.718_281_828)
    #expect(abs(try #require(rate.perSecond) - expected) < 1e-6)
    for _ in 0..<40 { rate.add(7, in: 1) }
    #expect(abs(try #require(rate.perSecond) - 7) < 1e-6)
  }

  @Test("a snapshot tells phase, bytes, time, rate and what is left")
  func snapshot() throws {
    let meter = ProgressMeter()
    #expect(meter.snapshot(at: Self.time(1)) == nil)
    meter.startPhase("survey", totalBytes: 1_000, at: Self.time(10))
    let start = try #require(meter.snapshot(at: Self.time(10)))
    #expect(start.phase == "survey")
    #expect((start.fraction, start.secondsLeft, start.bytesPerSecond) == (0, nil, 0))
    meter.advance(by: 250)
    let later = try #require(meter.snapshot(at: Self.time(12)))
    #expect((later.doneBytes, later.totalBytes, later.elapsedSeconds) == (250, 1_000, 2))
    #expect(later.bytesPerSecond == 125)
    #expect(later.secondsLeft == 6)
    #expect(later.fraction == 0.25)
    meter.advance(by: 900)
    let end = try #require(meter.snapshot(at: Self.time(13)))
    #expect((end.fraction, end.secondsLeft) == (1, 0))
    meter.finishPhase(at: Self.time(13))
    #expect(meter.snapshot(at: Self.time(14)) == nil)
  }

  @Test("what an earlier run has done counts as done, not as speed")
  func resumed() throws {
    let meter = ProgressMeter()
    meter.startPhase("merge", totalBytes: 1_000, doneBytes: 600, at: Self.time(0))
    meter.advance(by: 100)
    let snapshot = try #require(meter.snapshot(at: Self.time(1)))
    #expect(snapshot.doneBytes == 700)
    #expect(snapshot.bytesPerSecond == 100)
    #expect(snapshot.secondsLeft == 3)
  }

  @Test("an unknown total gives no fraction and no time left")
  func unknownTotal() throws {
    let meter = ProgressMeter()
    meter.startPhase("scan", totalBytes: 0, at: Self.time(0))
    meter.advance(by: 100)
    let snapshot = try #require(meter.snapshot(at: Self.time(1)))
    #expect((snapshot.fraction, snapshot.secondsLeft) == (nil, nil))
    #expect(snapshot.bytesPerSecond == 100)
  }

  @Test("no byte is lost when eight threads count")
  func counting() throws {
    let meter = ProgressMeter()
    meter.startPhase("merge", totalBytes: 80_000)
    try runThreads(8) { _ in
      for _ in 0..<1_000 { meter.advance(by: 10) }
    }
    #expect(meter.doneBytes == 80_000)
    #expect(meter.totalBytes == 80_000)
  }

  @Test("phases are reported in order, also those that end before the reporter looks")
  func phases() throws {
    for _ in 0..<50 {
      let meter = ProgressMeter()
      let events = Collected<ProgressEvent>()
      let reporter = try ProgressReporter(meter, every: .seconds(3_600)) { events.append($0) }
      meter.startPhase("survey", totalBytes: 10)
      meter.advance(by: 10)
      meter.startPhase("merge", totalBytes: 20)
      meter.advance(by: 5)
      meter.finishPhase()
      reporter.stop()
      reporter.stop()
      let told = events.values.map { event in
        switch event {
        case .phaseStarted(let snapshot): "start \(snapshot.phase) \(snapshot.doneBytes)"
        case .advanced(let snapshot): "advance \(snapshot.phase)"
        case .phaseFinished(let snapshot): "finish \(snapshot.phase) \(snapshot.doneBytes)"
        }
      }
      #expect(told == ["start survey 0", "finish survey 10", "start merge 0", "finish merge 5"])
    }
  }

  @Test("a phase is told as it begins, however long the interval")
  func promptEvents() throws {
    let meter = ProgressMeter()
    let told = Gate()
    let reporter = try ProgressReporter(meter, every: .seconds(3_600)) { event in
      if case .phaseStarted = event { told.open() }
    }
    meter.startPhase("survey", totalBytes: 10)
    told.pass()
    reporter.stop()
  }

  @Test("between the ends of a phase the reporter tells how it goes on")
  func advancing() throws {
    let meter = ProgressMeter()
    let told = Gate()
    meter.startPhase("survey", totalBytes: 100)
    let reporter = try ProgressReporter(meter, every: .milliseconds(1)) { event in
      if case .advanced(let snapshot) = event, snapshot.doneBytes == 40 { told.open() }
    }
    meter.advance(by: 40)
    told.pass()
    reporter.stop()
  }

  @Test("a reporter that is dropped stops, and the meter can have another")
  func dropped() throws {
    let meter = ProgressMeter()
    for _ in 0..<3 {
      let events = Collected<ProgressEvent>()
      var reporter: ProgressReporter? = try ProgressReporter(meter, every: .seconds(3_600)) {
        events.append($0)
      }
      meter.startPhase("survey", totalBytes: 1)
      meter.finishPhase()
      withExtendedLifetime(reporter) {}
      reporter = nil
      #expect(events.values.count == 2)
    }
    meter.startPhase("unseen", totalBytes: 1)
    meter.finishPhase()
    let events = Collected<ProgressEvent>()
    let reporter = try ProgressReporter(meter, every: .seconds(3_600)) { events.append($0) }
    reporter.stop()
    #expect(events.values.isEmpty)
  }
}
