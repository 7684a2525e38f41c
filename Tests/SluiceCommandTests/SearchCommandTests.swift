import Foundation
import SluiceTestSupport
import Testing

/// `sluice search` and what takes its results, as a user types them.
@Suite("sluice search")
struct SearchCommandTests {
  private let family: FamilyDirectory
  private let names: [String]

  init() throws {
    family = try FamilyDirectory()
    names = family.family.fineTuned.map(\.name)
    var recipe = "merge_method: dppa\nbase_model: \(family.path)/base\nmodels:\n"
    for name in names { recipe += "  - {model: \(family.path)/\(name), name: \(name)}\n" }
    try recipe.write(toFile: family.path + "/recipe.yaml", atomically: true, encoding: .utf8)
    let script = """
      [ -n "$(ls "$1")" ] || exit 5
      case $2 in dense) a=1.2; b=1.1;; *) a=${2%%,*}; b=${2##*,};; esac
      awk -v a=$a -v b=$b 'BEGIN { printf "{\\"tasks\\": {\\"t\\": %.6f}}\\n", \
      0.9-0.2*(a-1.2)^2-0.1*(b-1.1)^2 }'
      """
    try script.write(toFile: family.path + "/score.sh", atomically: true, encoding: .utf8)
  }

  private func search(_ further: [String] = []) throws -> SluiceProcess.Result {
    try SluiceProcess.run(
      [
        "search", family.path + "/recipe.yaml", "--evaluator",
        "sh \(family.path)/score.sh {model} {factors}", "--out", family.path + "/found",
      ] + further)
  }

  @Test("finds factors that run and merge take")
  func whole() throws {
    let found = try search(["--strategy", "joint", "--keep", "best", "--evaluate-merge"])
    #expect(found.exitCode == 0, "\(found.errors)")
    for name in names { #expect(found.output.contains("\(name) ")) }
    #expect(found.output.contains("1.2,1.1"))
    #expect(found.output.contains("100.00 %"))
    let run = try SluiceProcess.run(
      ["run", family.path + "/found/recipe.yaml", "--out", family.path + "/run", "--quiet"])
    #expect(run.exitCode == 0, "\(run.errors)")
    let merge = try SluiceProcess.run(
      family.mergeArguments(["--quiet", "--amplify-from", family.path + "/found/search.json"]))
    #expect(merge.exitCode == 0, "\(merge.errors)")
    let given = try SluiceProcess.run(
      family.mergeArguments(["--quiet"]).map { $0 == family.path + "/out" ? $0 + "-given" : $0 }
        + names.flatMap { ["--amplify", "\($0)=1.2,1.1"] })
    #expect(given.exitCode == 0, "\(given.errors)")
    for other in ["out", "out-given"] {
      for file in try FileManager.default.contentsOfDirectory(atPath: family.path + "/run")
      where file.hasSuffix(".safetensors") {
        #expect(
          FileManager.default.contentsEqual(
            atPath: "\(family.path)/run/\(file)", andPath: "\(family.path)/\(other)/\(file)"))
      }
    }
    // The best candidates are complete checkpoints.
    for name in names {
      let inspected = try SluiceProcess.run(["verify", "\(family.path)/found/best/\(name)"])
      #expect(inspected.exitCode == 0, "\(inspected.errors)")
    }
  }

  @Test("shows every evaluation, and events as JSON")
  func shown() throws {
    let text = try search(["--method", "2", "--model", names[0]])
    #expect(text.errors.contains("\(names[0]), unmerged: t 0.9000 ("))
    #expect(text.errors.contains("\(names[0]) x [1, 1]: t 0.8910, Domain-Ratio 99.00 %"))
    let json = try search(["--method", "2", "--model", names[0], "--json", "--step", "0.2"])
    let events = (json.errors + json.output).split(separator: "\n").compactMap { line in
      (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
    }
    let kinds = Set(events.compactMap { $0["event"] as? String })
    #expect(kinds.isSuperset(of: ["resumed", "started", "evaluated", "found", "searched"]))
  }

  @Test(
    "refuses what cannot be meant",
    arguments: [
      (["--evaluator", "score.sh"], "no {model}"), (["--step", "0"], "no factor lies between"),
      (["--bound", "1"], "no factor lies between"), (["--model", "physics"], "no model physics"),
      (["--tasks", "physics=a"], "no model physics"), (["--jobs", "0"], "1 ... 256"),
      (["--patience", "0"], "1 ... 100"), (["--retries", "1001"], "0 ... 1000"),
      (["--time-limit", "0"], "above 0 seconds"), (["--disk", "1KB"], "Allow at least"),
    ])
  func refused(options: [String], message: String) throws {
    let result = try search(options)
    #expect(result.exitCode == 64, "\(result.errors)")
    #expect(result.errors.contains(message), "\(result.errors)")
  }

  @Test("never writes into a model")
  func inputs() throws {
    let before = try FileManager.default.contentsOfDirectory(atPath: family.path + "/base")
    let result = try SluiceProcess.run([
      "search", family.path + "/recipe.yaml", "--evaluator", "true {model}", "--out",
      family.path + "/./base",
    ])
    #expect(result.exitCode == 64)
    #expect(result.errors.contains("is an input of the search"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: family.path + "/base") == before)
  }

  @Test("says how an evaluator failed, and how to go on")
  func failing() throws {
    let result = try SluiceProcess.run([
      "search", family.path + "/recipe.yaml", "--evaluator",
      "sh -c 'echo no GPU >&2; exit 9' {model}",
      "--out", family.path + "/failed", "--retries", "0",
    ])
    #expect(result.exitCode == 75)
    #expect(result.errors.contains("ended with exit code 9; it said: no GPU (as it is)"))
    #expect(result.errors.contains("the same command goes on from there"))
  }

  @Test("factors that were found for something else are not merged with")
  func otherFactors() throws {
    #expect(try search(["--model", names[0]]).exitCode == 0)
    let from = ["--quiet", "--amplify-from", family.path + "/found"]
    let missing = try SluiceProcess.run(family.mergeArguments(from))
    #expect(missing.exitCode == 64)
    #expect(missing.errors.contains("has no factors for model \(names[1])"))
    let one = [
      "merge", "--base", family.path + "/base", "--model", "\(names[0])=\(family.path)/\(names[0])",
      "--out", family.path + "/out",
    ]
    for (options, message) in [
      (["--pruning-rate", "0.7"], "found for the partitions 0.9, 0.8"),
      (["--prune", "owl"], "found for the pruning dppa"),
      (["--amplify", "\(names[0])=1"], "both have factors"),
    ] {
      let result = try SluiceProcess.run(one + from + options)
      #expect(result.exitCode == 64)
      #expect(result.errors.contains(message), "\(result.errors)")
    }
  }
}
