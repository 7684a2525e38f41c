import Glibc
import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceStages
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

@Suite("Interrupted merges")
struct ResumeTests {
  private static let root = ScratchDirectory.root
  private static let bf16 = Result { try ResumableMerge(in: root) }
  private static let spilled = Result { try ResumableMerge(in: root, spill: .on(.lz4)) }
  private static let f32 = Result { try ResumableMerge(in: root, dtype: .f32, threads: 2) }

  @Test("begun again after an end at a call, end with the same bytes")
  func kills() throws {
    let merge = try ResumeTests.bf16.get()
    let calls = try merge.calls()
    for position in stride(from: 0, to: calls.count, by: calls.count / 24) {
      #expect(try merge.problems(afterKillAt: position, losesPower: false) == [])
    }
  }

  @Test("that fold an adapter, begun again after an end at a call, end with the same bytes")
  func foldedKills() throws {
    let merge = try ResumableMerge(in: ResumeTests.root, threads: 2, foldsAdapter: true)
    let calls = try merge.calls()
    for position in stride(from: 0, to: calls.count, by: max(1, calls.count / 20)) {
      let losesPower = position % 2 == 1
      #expect(try merge.problems(afterKillAt: position, losesPower: losesPower) == [])
    }
  }

  @Test("that spill, begun again after an end at a call, end with the same bytes")
  func spilledKills() throws {
    let merge = try ResumeTests.spilled.get()
    let calls = try merge.calls()
    #expect(calls.contains { $0.path.hasSuffix("/spill") })
    for position in stride(from: 0, to: calls.count, by: calls.count / 16) {
      let losesPower = position % 2 == 1
      #expect(try merge.problems(afterKillAt: position, losesPower: losesPower) == [])
    }
  }

  @Test("that hold frames in memory read the models again where these are gone")
  func heldKills() throws {
    let merge = try ResumableMerge(
      in: ResumeTests.root, threads: 2, spill: .on(.rice), intermediateSize: 24_000)
    let plan = try MergePlan(merge.recipe, options: merge.options)
    #expect(plan.memory.heldFramesByteCount > 1 << 20)
    let calls = try merge.calls()
    for position in stride(from: 0, to: calls.count, by: max(1, calls.count / 8)) {
      let losesPower = position % 2 == 1
      #expect(try merge.problems(afterKillAt: position, losesPower: losesPower) == [])
    }
  }

  @Test("go on whether they spill or not, wherever the spill is")
  func otherSpill() throws {
    let merge = try ResumeTests.spilled.get()
    let other = merge.output("elsewhere")
    // A failed write leaves all records of what was finished before it, so frames of each place are
    // told of when the next begins. Histograms are written by who finishes a unit, so that a part of
    // the survey is left however fast the journal is. Of what is merged only the write that failed is
    // sure to be left: writers go on until they are told.
    let attempts: [(spill: RunOptions.SpillOption, directory: String?, file: String, write: Int)] =
      [
        (.off, nil, "/statistics", 2), (.on(.zstd(level: 2)), nil, "/statistics", 2),
        (.on(.none), other, ".safetensors", 1), (.on(.lz4), nil, ".safetensors", 0),
        (.on(.lz4), other, ".safetensors", 0), (.off, nil, ".safetensors", 0),
      ]
    var firstWrites: [Int] = []
    for attempt in attempts {
      let disk = FailingDisk(
        under: merge.output("choices"), .fault(EIO), atWrite: attempt.write, to: attempt.file)
      #expect(throws: (any Error).self) {
        try merge.run("choices") { options in
          options.spill = attempt.spill
          options.spillDirectory = attempt.directory
          options.journalPace.gathersHistograms = false
        }
      }
      disk.end()
      #expect(disk.hasStruck)
      let write = disk.calls.first { $0.kind == .write && $0.path.hasSuffix("/statistics") }
      if let write { firstWrites.append(write.range.lowerBound) }
    }
    // The second and the third attempt went on with a survey, and no other had one.
    #expect(firstWrites.count == 3 && firstWrites[0] == 0)
    #expect(firstWrites == firstWrites.sorted() && firstWrites[1] > 0)
    try merge.run("choices") { $0.spill = .on(.zstd(level: 1)) }
    let files = try merge.files(of: "choices")
    #expect(files.keys == merge.expected.keys)
    for (name, bytes) in files { #expect(bytes == merge.expected[name], "\(name)") }
    #expect(try Directory.list(other).isEmpty)
  }

  @Test("leave no spill elsewhere, although their work directory was copied", arguments: [0, 1])
  func copiedSpill(stop: Int) throws {
    // Of its own: the disk that fails is that of all of it.
    let merge = try ResumableMerge(in: ResumeTests.root)
    let (name, other) = ("copied", merge.output("spills"))
    func run() throws {
      try merge.run(name) { options in
        options.spill = .on(.none)
        options.spillDirectory = other
      }
    }
    // Stopped before the last file has its name, and when only work is left to be removed.
    let last = "\(merge.output(name))/model.safetensors.index.json"
    let disk = FailingDisk(under: merge.directory, .kill) { call, _ in
      stop == 0
        ? call.kind == .rename && call.path == last
        : call.path.hasSuffix(".spill") && (try? FileStatus.of(last)) != nil
    }
    #expect(throws: (any Error).self) { try run() }
    disk.end()
    #expect(disk.hasStruck)
    #expect(try Directory.list(other).count == 1)
    // The note of the spill is that of another directory now.
    let (work, before) = ("\(merge.output(name))/.sluice", merge.output("before"))
    #expect(rename(work, before) == 0 && mkdir(work, 0o777) == 0)
    for entry in try Directory.list(before) {
      #expect(rename("\(before)/\(entry.name)", "\(work)/\(entry.name)") == 0)
    }
    try run()
    #expect(try Directory.list(other).isEmpty)
    // The report says how it spilled.
    for (file, bytes) in merge.expected where file != RunFile.report {
      #expect(try merge.files(of: name)[file] == bytes, "\(file)")
    }
  }

  @Test("find damage in their spill when it is read, and do it again when asked to check all")
  func damagedSpill() throws {
    let merge = try ResumeTests.spilled.get()
    // Ended when all is spilled and the merge is about to write, with what was finished recorded.
    let disk = FailingDisk(under: merge.output("damaged"), .fault(EIO)) { call, _ in
      call.kind == .write && call.path.hasSuffix(".safetensors")
    }
    _ = try? merge.run("damaged")
    disk.end()
    #expect(disk.hasStruck)
    let path = "\(merge.output("damaged"))/.sluice/spill"
    let file = try #require(try WorkFile.open(at: path))
    let length = try file.byteCount()
    for offset in stride(from: 100, to: length, by: 97) {
      var byte = try file.bytes(in: offset..<offset + 1)
      byte[0] ^= 0x40
      try file.write(byte, at: offset)
    }
    do {
      try merge.run("damaged")
      Issue.record("the damage went unnoticed")
    } catch {
      let failure = try #require(error as? any SluiceError).failure
      #expect(failure.exitCode == .inputOutput)
      #expect(failure.subject.file == path && failure.subject.byteRange != nil)
      #expect(failure.remedy?.contains("--verify-resume all") == true)
    }
    try merge.run("damaged") { $0.resumeCheck = .all }
    // The report tells of the damage.
    let isModel: (String) -> Bool = { $0.hasSuffix(".safetensors") }
    #expect(
      try merge.files(of: "damaged").filter { isModel($0.key) }
        == merge.expected.filter { isModel($0.key) })
  }

  @Test("lose nothing that they rely on when the power fails")
  func powerLoss() throws {
    let merge = try ResumeTests.f32.get()
    let calls = try merge.calls()
    for position in stride(from: 0, to: calls.count, by: calls.count / 12) {
      #expect(try merge.problems(afterKillAt: position, losesPower: true) == [])
    }
  }

  @Test("fail with the exit code for disks, and go on when there is space")
  func fullDisk() throws {
    let merge = try ResumeTests.bf16.get()
    let calls = try merge.calls()
    for position in stride(from: 0, to: calls.count, by: calls.count / 24) {
      let number = [ENOSPC, EIO, EFBIG, EDQUOT][position % 4]
      #expect(try merge.problems(afterFault: number, at: position) == [])
    }
  }

  @Test("a run of finished work is not done again")
  func doesNotRepeat() throws {
    let merge = try ResumeTests.bf16.get()
    // All is merged, and the first file is about to get its name.
    let disk = FailingDisk(under: merge.output("late"), .kill) { call, _ in
      call.kind == .rename && call.path.hasSuffix(".safetensors")
    }
    #expect(throws: (any Error).self) { try merge.run("late") }
    disk.end()
    let again = FailingDisk(under: merge.output("late"))
    guard case .merged(let report) = try merge.run("late") else {
      Issue.record("nothing was left to do")
      return
    }
    again.end()
    #expect(report.totals.attempts == 2)
    let written = again.calls.filter { call in
      call.kind == .write && [".safetensors", "statistics"].contains { call.path.hasSuffix($0) }
    }
    #expect(written.isEmpty)
    #expect(try merge.files(of: "late") == merge.expected)
  }

  @Test("stop on request with what is finished recorded")
  func stops() throws {
    let merge = try ResumeTests.f32.get()
    for fraction in stride(from: 0.05, to: 1, by: 0.3) {
      let cancellation = Cancellation()
      let progress = ProgressMeter()
      let reporter = try ProgressReporter(progress, every: .milliseconds(1)) { event in
        if case .advanced(let snapshot) = event, (snapshot.fraction ?? 0) > fraction {
          cancellation.stop(.signal(2))
        }
      }
      do {
        try merge.run("stopped", cancellation: cancellation, progress: progress)
      } catch {
        let failure = try #require(error as? any SluiceError).failure
        #expect(failure.exitCode == .interrupted)
        #expect(failure.remedy?.contains("same command") == true)
      }
      reporter.stop()
    }
    try merge.run("stopped")
    #expect(try merge.files(of: "stopped") == merge.expected)
  }

  @Test("go on with other options of the run")
  func otherOptions() throws {
    let merge = try ResumeTests.f32.get()
    for threads in 1...3 {
      // How many records the journal writes at once depends on the disk, so it is no place to end.
      let disk = FailingDisk(
        under: merge.output("options"), .fault(EIO), atWrite: threads == 3 ? 0 : 2,
        to: threads == 1 ? "/statistics" : ".safetensors")
      #expect(throws: (any Error).self) {
        try merge.run("options") { options in
          options.threads = threads
          options.journalPace.gathersHistograms = false
          options.io = threads == 2 ? .pread : .mmap
          options.memory = .mebibytes(threads == 1 ? 128 : 512)
        }
      }
      disk.end()
      #expect(disk.hasStruck)
    }
    try merge.run("options") { $0.chunkElements = Granularity.grainElements }
    #expect(try merge.files(of: "options") == merge.expected)
  }

  @Test("that are finished are left alone")
  func finished() throws {
    let merge = try ResumeTests.bf16.get()
    try merge.run("done")
    let calls = FailingDisk(under: merge.output("done"))
    guard case .wasFinished = try merge.run("done") else {
      Issue.record("merged once more")
      return
    }
    calls.end()
    #expect(calls.calls.isEmpty)
    #expect(throws: PipelineError.self) {
      try merge.run("done", changeRecipe: { $0.models[0].weight = 0.5 })
    }
    #expect(try merge.files(of: "done") == merge.expected)
  }
}
