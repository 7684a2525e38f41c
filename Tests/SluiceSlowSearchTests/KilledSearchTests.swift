import Foundation
import Glibc
import Testing

/// The program itself, killed again and again while it searches.
@Suite("A killed search", .serialized)
struct KilledSearchTests {
  /// The program of this build, beside the tests.
  private static let program: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("sluice")
      .path
  }()

  private let scratch = NSTemporaryDirectory() + "sluice-killed-search-" + UUID().uuidString

  init() throws {
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    let demo = try start(["demo", "--quiet", "--out", scratch + "/family"], errors: nil)
    demo.waitUntilExit()
    #expect(demo.terminationStatus == 0)
    let recipe = """
      merge_method: dppa
      base_model: \(scratch)/family/base
      models: {math: \(scratch)/family/math, law: \(scratch)/family/law}
      """
    try recipe.write(toFile: scratch + "/recipe.yaml", atomically: true, encoding: .utf8)
    // It notes what it begins, and needs some time; a checkpoint must be whole to be scored.
    let script = """
      echo "$2 $3 $$" >> '\(scratch)/begun'
      [ -s "$1/config.json" ] && [ -n "$(ls "$1"/*.safetensors)" ] || exit 5
      case $3 in dense) a=1.2; b=1.1;; *) a=${3%%,*}; b=${3##*,};; esac
      sleep 0.1
      awk -v a=$a -v b=$b 'BEGIN { printf "{\\"tasks\\": {\\"t\\": %.6f}}\\n", \
      0.9-0.2*(a-1.2)^2-0.1*(b-1.1)^2 }'
      """
    try script.write(toFile: scratch + "/score.sh", atomically: true, encoding: .utf8)
  }

  private func start(_ arguments: [String], errors: String?) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: KilledSearchTests.program)
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    if let errors {
      if !FileManager.default.fileExists(atPath: errors) {
        _ = FileManager.default.createFile(atPath: errors, contents: nil)
      }
      let file = try #require(FileHandle(forWritingAtPath: errors))
      file.seekToEndOfFile()
      process.standardError = file
    }
    try process.run()
    return process
  }

  private func search(_ name: String, jobs: Int) throws -> Process {
    try start(
      [
        "search", scratch + "/recipe.yaml", "--evaluator",
        "sh '\(scratch)/score.sh' {model} {name} {factors}", "--out", scratch + "/" + name,
        "--jobs", "\(jobs)", "--speculate", "off", "--memory", "64MiB",
      ], errors: scratch + "/" + name + ".log")
  }

  private func lines(_ name: String) -> [String] {
    let text = (try? String(contentsOfFile: scratch + "/" + name, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map { String($0) }
  }

  @Test(
    "loses no evaluation that was finished, and finds what an undisturbed one finds",
    arguments: [1, 2])
  func kills(jobs: Int) throws {
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let whole = try search("whole", jobs: jobs)
    whole.waitUntilExit()
    try #require(whole.terminationStatus == 0)
    let candidates = Set(lines("begun").map { $0.split(separator: " ").dropLast() })
    let begunBefore = lines("begun").count
    #expect(candidates.count == begunBefore)

    var kills = 0
    var status: Int32 = -1
    while status != 0 {
      try #require(kills < 200)
      let process = try search("killed", jobs: jobs)
      let milliseconds = kills % 4 == 3 ? 10_000 : Int.random(in: 50...900)
      let end = Date().addingTimeInterval(Double(milliseconds) / 1000)
      while process.isRunning, Date() < end, kills % 4 != 3 || Date() < end {
        usleep(5000)
        if kills % 4 == 3, lines("killed.log").count % 5 == 4 { break }
      }
      if process.isRunning {
        kill(process.processIdentifier, SIGKILL)
        kills += 1
      }
      process.waitUntilExit()
      status = process.terminationReason == .exit ? process.terminationStatus : -1
      if process.terminationReason == .exit { try #require(status == 0) }
    }
    #expect(kills > 3)

    // A line of the log stands for an evaluation that the journal has: it is never done again.
    let finished = lines("killed.log").filter { $0.contains(": t 0") }
      .map { $0.prefix { $0 != ":" } }
    #expect(Set(finished).count == finished.count, "\(finished)")
    let begun = lines("begun").dropFirst(begunBefore)
    #expect(begun.count <= candidates.count + kills * jobs)
    #expect(Set(begun.map { $0.split(separator: " ").dropLast() }) == candidates)
    // What evaluators of killed searches were still at is ended, and nothing is left after.
    for line in begun {
      let process = try #require(line.split(separator: " ").last.flatMap { Int32($0) })
      let state = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
      #expect(state == nil || state?.contains(") Z ") == true, "\(line)")
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch + "/killed").sorted()
    #expect(left == ["recipe.yaml", "search.journal", "search.json"])
    #expect(try factors("killed") == factors("whole"))
    print("\(jobs) jobs: \(kills) kills, \(candidates.count) candidates, \(begun.count) begun")
  }

  @Test("leaves an evaluator running that the next search ends")
  func leftovers() throws {
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let script = "[ -e '\(scratch)/go' ] || { echo $$ > '\(scratch)/waiting'; sleep 97; }\n"
    let old = try String(contentsOfFile: scratch + "/score.sh", encoding: .utf8)
    try (script + old).write(toFile: scratch + "/score.sh", atomically: true, encoding: .utf8)
    let first = try search("left", jobs: 1)
    while lines("waiting").isEmpty { usleep(10_000) }
    // The note is on the disk soon after the start of the process.
    let note = scratch + "/left/.sluice-search/evaluator-0"
    while !FileManager.default.fileExists(atPath: note) { usleep(10_000) }
    kill(first.processIdentifier, SIGKILL)
    first.waitUntilExit()
    let process = try #require(lines("waiting").first.flatMap { Int32($0) })
    #expect(kill(process, 0) == 0)
    #expect(FileManager.default.createFile(atPath: scratch + "/go", contents: nil))
    let second = try search("left", jobs: 1)
    second.waitUntilExit()
    #expect(second.terminationStatus == 0)
    #expect(lines("left.log").contains("ended 1 evaluator that a killed search left running"))
    let state = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    #expect(state == nil || state?.contains(") Z ") == true)
  }

  private func factors(_ name: String) throws -> [String] {
    let data = try Data(contentsOf: URL(fileURLWithPath: scratch + "/\(name)/search.json"))
    let result = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let models = try #require(result["models"] as? [[String: Any]])
    return models.map { "\($0["name"] ?? "") \($0["factors"] ?? "")" }
  }
}
