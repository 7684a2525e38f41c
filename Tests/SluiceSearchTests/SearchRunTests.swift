import Foundation
import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluiceSearch

@Suite("A search")
struct SearchRunTests {
  @Test("evaluates the dense model once, finds the factors, and leaves nothing but results")
  func whole() throws {
    let scratch = try SearchScratch()
    let result = try scratch.run(try scratch.evaluator(SearchScratch.dome))
    let model = try #require(result.models.first)
    #expect(model.factors == Factors([1.3, 1.1]))
    #expect(model.domainRatio == 1)
    #expect(model.partitionRates == [0.9, 0.8])
    #expect(model.dense == TaskScores(["gsm": 0.8]))
    #expect(scratch.runs.filter { $0 == "math dense" }.count == 1)
    #expect(Set(scratch.runs).count == scratch.runs.count)
    #expect(model.trajectory.count == scratch.runs.count - 1)
    let left = try Directory.list(scratch.out).map(\.name)
    #expect(left == ["recipe.yaml", "search.journal", "search.json"])
    #expect(try SearchResult.read(scratch.out) == result)
    let recipe = try String(contentsOfFile: scratch.out + "/recipe.yaml", encoding: .utf8)
    #expect(recipe.contains("\"math\": [1.3, 1.1]"))
  }

  @Test("given again it evaluates nothing, and another strategy only what is new")
  func again() throws {
    let scratch = try SearchScratch()
    let evaluator = try scratch.evaluator(SearchScratch.dome)
    let first = try scratch.run(evaluator)
    let count = scratch.runs.count
    #expect(try scratch.run(evaluator) == first)
    #expect(scratch.runs.count == count)
    for strategy in [FactorSearch.Strategy.golden, .joint] {
      try scratch.run(evaluator) { $0.strategy = strategy }
    }
    #expect(Set(scratch.runs).count == scratch.runs.count)
    #expect(scratch.runs.filter { $0 == "math dense" }.count == 1)
    // Another evaluator says other things.
    try scratch.run(try scratch.evaluator(SearchScratch.dome))
    #expect(scratch.runs.filter { $0 == "math dense" }.count == 2)
    try scratch.run(evaluator) { $0.startsOver = true }
    #expect(scratch.runs.filter { $0 == "math dense" }.count == 3)
  }

  @Test("several jobs find the same, never have more candidates on the disk, and share nothing")
  func jobs() throws {
    let scratch = try SearchScratch(models: ["math", "law"])
    let script = """
      echo "$1" >> "$d/places-$3"
      [ "$f" = dense ] || ls -d "$d"/out/.sluice-search/candidate-* | wc -l >> "$d/counts"
      sleep 0.05
      """
    let evaluator = try scratch.evaluator(script + "\n" + SearchScratch.dome)
    let result = try scratch.run(evaluator, models: ["math", "law"]) { $0.jobs = 3 }
    #expect(result.models.map(\.factors) == [Factors([1.3, 1.1]), Factors([1.3, 1.1])])
    #expect(Set(scratch.runs).count == scratch.runs.count)
    #expect(scratch.lines("counts").compactMap { Int($0.filter(\.isNumber)) }.max() ?? 9 <= 3)
    // The dense models stand for themselves; candidates belong to a job.
    let places = (0..<3).map { job in
      Set(scratch.lines("places-\(job)").filter { $0.contains("candidate") })
    }
    #expect(places.allSatisfy { $0.count <= 1 })
  }

  @Test("a disk limit bounds the jobs, and one that holds no candidate is refused")
  func disk() throws {
    let scratch = try SearchScratch()
    let script = """
      [ "$f" = dense ] || ls -d "$d"/out/.sluice-search/candidate-* | wc -l >> "$d/counts"
      """
    let evaluator = try scratch.evaluator(script + "\n" + SearchScratch.dome)
    try scratch.run(evaluator) {
      $0.jobs = 4
      $0.diskLimit = ByteCount(2100)
    }
    #expect(scratch.lines("counts").compactMap { Int($0.filter(\.isNumber)) }.max() ?? 9 <= 2)
    #expect(throws: SearchError.self) {
      try scratch.run(evaluator) { $0.diskLimit = ByteCount(999) }
    }
  }

  @Test("a method without partitions is refused with what can be searched")
  func partitions() throws {
    let scratch = try SearchScratch()
    var recipe = try scratch.recipe()
    recipe.method = .plainSum
    let evaluator = try scratch.evaluator(SearchScratch.dome)
    let error = #expect(throws: SearchError.self) { try scratch.run(evaluator, recipe: recipe) }
    #expect(error?.failure.remedy?.contains("--strategy joint") == true)
    #expect(error?.failure.exitCode == .usage)
  }

  @Test("keeps the best candidate when asked to")
  func keep() throws {
    let scratch = try SearchScratch()
    let evaluator = try scratch.evaluator(SearchScratch.dome)
    for _ in 0..<2 { try scratch.run(evaluator) { $0.keep = .best } }
    let kept = try String(contentsOfFile: scratch.out + "/best/math/factors", encoding: .utf8)
    #expect(kept == "1.3,1.1")
  }

  @Test(
    "keeps nothing under a name that leads out of the output, and removes nothing there",
    arguments: [
      "../../precious", "..", ".", "", "a/b", "a\\b", "a\0b", String(repeating: "n", count: 256),
    ])
  func keepElsewhere(name: String) throws {
    let scratch = try SearchScratch(models: ["precious", "math"])
    let evaluator = try scratch.evaluator(SearchScratch.dome)
    let before = try DirectorySnapshot(scratch.path)
    let error = #expect(throws: SearchError.self) {
      try scratch.run(evaluator, models: [name]) { $0.keep = .best }
    }
    #expect(error?.failure.message.hasSuffix("which is no name of a directory") == true)
    #expect(try DirectorySnapshot(scratch.path) == before)
  }

  @Test("evaluates the merge with all factors when asked to")
  func merged() throws {
    let scratch = try SearchScratch(models: ["math", "law"])
    let script = "case $2 in merged) echo '{\"tasks\": {\"gsm\": 0.4}}'; exit;; esac\n"
    let evaluator = try scratch.evaluator(script + SearchScratch.dome)
    let result = try scratch.run(evaluator, models: ["math", "law"]) { $0.evaluatesMerge = true }
    #expect(result.merged?.tasks == TaskScores(["gsm": 0.4]))
    #expect(result.merged?.domainRatios == ["math": 0.5, "law": 0.5])
    #expect(scratch.runs.last == "merged law=1.3,1.1;math=1.3,1.1")
    let count = scratch.runs.count
    try scratch.run(evaluator, models: ["math", "law"]) { $0.evaluatesMerge = true }
    #expect(scratch.runs.count == count)
  }

  @Test("evaluates the base with the merge, once, where it is a directory")
  func base() throws {
    let scratch = try SearchScratch()
    let script = "case $2 in merged|base) echo '{\"tasks\": {\"gsm\": 0.1}}'; exit;; esac\n"
    let evaluator = try scratch.evaluator(script + SearchScratch.dome)
    try Directory.create("\(scratch.path)/base")
    #expect(try scratch.run(evaluator).base == nil)
    for _ in 0..<2 {
      let result = try scratch.run(evaluator) { $0.evaluatesMerge = true }
      #expect(result.base == TaskScores(["gsm": 0.1]))
    }
    #expect(scratch.runs.count { $0.hasPrefix("base") } == 1)
    #expect(try SearchResult.read(scratch.out).base == TaskScores(["gsm": 0.1]))
  }

  @Test("what was found is written even if the merge cannot be evaluated")
  func mergeFails() throws {
    let scratch = try SearchScratch()
    let evaluator = try scratch.evaluator(
      "[ $2 = merged ] && exit 3\n" + SearchScratch.dome)
    #expect(throws: SearchError.self) {
      try scratch.run(evaluator) { $0.evaluatesMerge = true }
    }
    #expect(try SearchResult.read(scratch.out).models[0].factors == Factors([1.3, 1.1]))
  }

  @Test("a bound that was reached and a better candidate on the way are said")
  func warnings() throws {
    let scratch = try SearchScratch()
    let evaluator = try scratch.evaluator(SearchScratch.dome)
    let result = try scratch.run(evaluator) { $0.bound = 1.2 }
    #expect(result.models[0].factors == Factors([1.2, 1.1]))
    #expect(result.models[0].warnings.contains { $0.contains("bound 1.2") })
  }

  @Test("models may be chosen, and their tasks")
  func chosen() throws {
    let scratch = try SearchScratch(models: ["math", "law"])
    let script = """
      case $f in dense) a=1.3;; *) a=${f%%,*};; esac
      awk -v a=$a 'BEGIN { printf "{\\"tasks\\": {\\"x\\": %.3f, \\"y\\": %.3f}}", a, 3-a }'
      """
    let evaluator = try scratch.evaluator(script)
    let result = try scratch.run(evaluator, models: ["math", "law"]) {
      $0.models = ["law"]
      $0.tasks = ["law": ["y"]]
    }
    #expect(result.models.map(\.name) == ["law"])
    #expect(result.models[0].factors == Factors([1, 1]))
    #expect(throws: SearchError.self) {
      try scratch.run(evaluator) { $0.models = ["physics"] }
    }
  }

  @Test("a second search on the same output is kept away")
  func locked() throws {
    let scratch = try SearchScratch()
    try Directory.create(scratch.out)
    let directory = try SearchDirectory(locking: scratch.out)
    let error = #expect(throws: SearchError.self) {
      try scratch.run(try scratch.evaluator(SearchScratch.dome))
    }
    #expect(error?.failure.exitCode == .stopped)
    #expect(directory.isLocked)
  }
}
