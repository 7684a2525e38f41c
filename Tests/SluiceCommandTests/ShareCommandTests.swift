import Foundation
import SluiceTestSupport
import Testing

@Suite("The commands of a merge on many machines")
struct ShareCommandTests {
  private let directory: FamilyDirectory

  init() throws {
    directory = try FamilyDirectory()
    let models = directory.family.fineTuned.map { "\($0.name): \(directory.path)/\($0.name)" }
    try """
    base: \(directory.path)/base
    models: {\(models.joined(separator: ", "))}
    stages: [read, delta, significance, assign-rates: {pruning-rate: 0.8}, mask, amplify, merge, write]
    """.write(toFile: directory.path + "/recipe.yaml", atomically: true, encoding: .utf8)
  }

  private func sluice(_ arguments: String...) throws -> SluiceProcess.Result {
    try SluiceProcess.run(arguments, in: directory.path)
  }

  private func weights(_ output: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(directory.path)/\(output)/model.safetensors"))
  }

  @Test("end with the bytes of one machine, and what is printed for xargs does so, too")
  func wholeRuns() throws {
    #expect(try sluice("run", "recipe.yaml", "one", "-q").exitCode == 0)
    let prepared = try sluice("prepare", "recipe.yaml", "--out", "many", "--shares", "3", "-q")
    #expect(prepared.exitCode == 0, "\(prepared.errors)")
    #expect(prepared.output.contains("3 shares of at most"))
    #expect(try sluice("status", "many").output.contains("next: sluice work many"))
    // All at the barrier, nothing behind it yet.
    #expect(try sluice("finish", "many").exitCode == 75)
    #expect(try sluice("work", "many", "--share", "0/3", "--phase", "merge").exitCode == 75)
    let jobs = try sluice("jobs", "many", "--for", "xargs", "--workers", "2")
    try jobs.output.write(
      toFile: directory.path + "/jobs.sh", atomically: true, encoding: .utf8)
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = [directory.path + "/jobs.sh"]
    let tools = URL(fileURLWithPath: SluiceProcess.path).deletingLastPathComponent().path
    shell.environment = ["PATH": "\(tools):/usr/bin:/bin"]
    shell.standardOutput = FileHandle.nullDevice
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0)
    #expect(try weights("many") == weights("one"))
    for again in [["work", "many"], ["reduce", "many"], ["finish", "many"]] {
      let result = try SluiceProcess.run(again, in: directory.path)
      #expect(result.exitCode == 0 && result.output.contains("holds the merged model already"))
    }
    #expect(try sluice("verify", "many").exitCode == 0)
  }

  @Test("one process does what is left of all shares")
  func alone() throws {
    #expect(try sluice("run", "recipe.yaml", "one", "-q").exitCode == 0)
    #expect(try sluice("prepare", "recipe.yaml", "-o", "many", "--shares", "4", "-q").exitCode == 0)
    let share = try sluice("work", "many", "--share", "2/4", "-q")
    #expect(share.output == "share 2/4, survey: done\n", "\(share.errors)")
    let rest = try sluice("work", "many", "-q", "--json")
    #expect(rest.exitCode == 0, "\(rest.errors)")
    #expect(rest.output.split(separator: "\n").count == 7)
    #expect(try sluice("status", "many").output.contains("next: sluice finish many"))
    #expect(try sluice("finish", "many").exitCode == 0)
    #expect(try weights("many") == weights("one"))
  }

  @Test("that cannot be meant are wrong usage")
  func usage() throws {
    func expect(_ message: String, _ arguments: String...) throws {
      let result = try SluiceProcess.run(arguments, in: directory.path)
      #expect(result.exitCode == 64, "\(arguments)")
      #expect(result.errors.contains(message), "\(result.errors)")
    }
    try expect("must lie in 1 ... 100000", "prepare", "recipe.yaml", "-o", "x", "--shares", "0")
    try expect("does not say where to write", "prepare", "recipe.yaml", "--shares", "2")
    try expect("there is no shared run in it", "work", "none", "--share", "0/2")
    #expect(try sluice("prepare", "recipe.yaml", "-o", "many", "--shares", "2").exitCode == 0)
    try expect("has 2 shares, not 3", "work", "many", "--share", "0/3")
    try expect(
      "it was prepared with --shares 2", "prepare", "recipe.yaml", "-o", "many", "--shares", "5")
    try expect("holds an unfinished run of something else", "run", "recipe.yaml", "many")
  }

  @Test("print what each engine reads")
  func engines() throws {
    let name = "a folder with 'quotes'"
    #expect(try sluice("prepare", "recipe.yaml", "-o", name, "--shares", "5", "-q").exitCode == 0)
    for engine in ["xargs", "parallel", "slurm"] {
      let jobs = try sluice("jobs", name, "--for", engine)
      #expect(jobs.exitCode == 0, "\(jobs.errors)")
      try jobs.output.write(
        toFile: directory.path + "/\(engine).sh", atomically: true, encoding: .utf8)
      let check = Process()
      check.executableURL = URL(fileURLWithPath: "/bin/sh")
      check.arguments = ["-n", directory.path + "/\(engine).sh"]
      try check.run()
      check.waitUntilExit()
      #expect(check.terminationStatus == 0, "\(jobs.output)")
      for part in ["survey", "reduce", "merge", "finish"] {
        #expect(jobs.output.contains(part), "\(engine): \(part)")
      }
    }
    let manifest = try sluice("jobs", name, "--for", "kubernetes", "--workers", "3").output
    let documents = manifest.components(separatedBy: "---\n").dropFirst()
    #expect(documents.count == 4)
    var jobs: [[String: Any]] = []
    for document in documents {
      let json = try JSONSerialization.jsonObject(with: Data(document.utf8))
      jobs.append(try #require(json as? [String: Any]))
    }
    let specs = jobs.compactMap { $0["spec"] as? [String: Any] }
    #expect(specs.map { $0["completions"] as? Int } == [5, nil, 5, nil])
    #expect(specs.map { $0["suspend"] as? Bool } == [false, true, true, true])
    #expect(manifest.contains("\"$(JOB_COMPLETION_INDEX)/5\""))
  }
}
