import Foundation
import Glibc
import SluiceCore
import SluiceDataflow
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

/// A program that does not answer keeps nobody waiting who wants the run to end.
@Suite("A run that is stopped while a program works")
struct ExecStopTests {
  @Test(
    "ends at once, with all that the program started",
    arguments: ["cat >/dev/null; sleep 1000", "sleep 1000 & exec sleep 1001"])
  func stops(rest: String) throws {
    let directory = try FamilyDirectory { spec in spec.layerCount = 1 }
    // Whoever opens a pipe waits for the other end: the run is stopped when the program is there.
    let gate = directory("gate")
    #expect(mkfifo(gate, 0o600) == 0)
    try directory.write("echo $$ >\(gate)\n\(rest)\n", to: "slow.sh")
    let recipe = try directory.recipe(
      ExecStageTests.chain("exec: {command: [sh, ./slow.sh], time-limit: 10min}"))
    let plan = try MergePlan(recipe, options: RunOptions(threads: 1))
    let cancellation = Cancellation()
    let text = Result {
      let reader = try NamedThread(name: "gate") {
        // Foundation reads no pipes.
        let pipe = open(gate, O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = max(0, read(pipe, &bytes, bytes.count))
        close(pipe)
        let process = String(decoding: bytes.prefix(count), as: UTF8.self)
        try? process.write(toFile: gate + "-passed", atomically: true, encoding: .utf8)
        cancellation.stop(.request("the test"))
      }
      let start = MonotonicTime.now
      #expect(throws: (any Error).self) {
        try MergeRun(plan, output: directory("out"), cancellation: cancellation).run()
      }
      reader.join()
      #expect(MonotonicTime.now.seconds(since: start) < 30)
      return try String(contentsOfFile: gate + "-passed", encoding: .utf8)
    }
    let process = try #require(
      Int32(try text.get().trimmingCharacters(in: .whitespacesAndNewlines)))
    // Nothing that it started works on; who has ended may wait to be buried by whom it belongs to now.
    let deadline = MonotonicTime.now
    while !ExecStopTests.running(inGroup: process).isEmpty,
      MonotonicTime.now.seconds(since: deadline) < 10
    {
      usleep(10_000)
    }
    #expect(ExecStopTests.running(inGroup: process) == [])
  }

  /// The commands of a group's processes that have not ended.
  private static func running(inGroup group: Int32) -> [String] {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.filter { Int32($0) != nil }.compactMap { process in
      let facts = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
      // After the command in brackets: state, parent, group.
      guard let facts, let bracket = facts.lastIndex(of: ")") else { return nil }
      let fields = facts[bracket...].split(separator: " ")
      guard fields.count > 3, fields[1] != "Z", Int32(fields[3]) == group else { return nil }
      return String(facts[...bracket])
    }
  }

  @Test("another program does not inherit what belongs to this one")
  func descriptors() throws {
    let programs = try (0..<8).map { _ in
      try ChildProgram(["cat"], outputLimit: 1 << 20, errorLimit: 100)
    }
    // Each sees the end of its own input although the others still run.
    for program in programs {
      program.endInput()
      while !program.isOutputClosed { program.read(waiting: ChildProgram.pulse) }
      #expect(program.stop(isPolite: true) == .exited(0))
    }
  }
}
