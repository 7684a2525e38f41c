import Foundation
import SluiceCore
import SluiceDataflow
import SluiceFormats
import Testing

@testable import SluiceSearch

@Suite("Evaluators")
struct EvaluatorTests {
  @Test(
    "commands are words",
    arguments: [
      ("python3 a.py {model}", ["python3", "a.py", "{model}"]),
      ("  sh -c 'a | b {model}' ", ["sh", "-c", "a | b {model}"]),
      (#""a b"c\ d '' "q\"\\\n""#, ["a bc d", "", #"q"\\n"#]),
      ("a\tb\nc", ["a", "b", "c"]),
    ])
  func words(text: String, words: [String]) throws {
    #expect(try CommandWords(text).words == words)
  }

  @Test("placeholders are filled in once, and other braces stay")
  func placeholders() throws {
    let words = try CommandWords("{model}/x {name}{name} '{\"a\":{model}}' {other} {")
    #expect(
      words.filled(["model": "{name}", "name": "n"])
        == ["{name}/x", "nn", "{\"a\":{name}}", "{other}", "{"])
  }

  @Test("a command without a place for the model, or with an open quote, is refused")
  func refused() {
    for text in ["", "   ", "python3 a.py", "sh -c '{model}", "{model}\\"] {
      #expect(throws: SearchError.self, "\(text)") { try Evaluator(text) }
    }
  }

  @Test(
    "the last JSON object on standard output counts",
    arguments: [
      (#"{"tasks":{"a":1}}"#, ["a": 1.0]),
      (
        "loading {x} 3%\n{\"tasks\": {\"a\": 0.1}}\n{\"tasks\":\n {\"a\": 0.5, \"b\": 1e-2}}\ndone",
        ["a": 0.5, "b": 0.01]
      ),
      (#"{"tasks":{"a":1},"more":{"tasks":{"a":2}}} }{ ["#, ["a": 1]),
      (#"{"tasks":{"a":-Infinity}}"#, ["a": -.infinity]),
      (#"{"tasks":{}}"#, [:]),
    ] as [(String, [String: Double])])
  func answers(output: String, tasks: [String: Double]) throws {
    #expect(try EvaluatorAnswer.scores(in: Array(output.utf8)) == TaskScores(tasks))
  }

  @Test(
    "what is no answer is said to be none",
    arguments: [
      ("", "no JSON object"), ("accuracy: 0.5\n", "ends \"accuracy: 0.5"),
      (#"{"tasks":{"a":1}} {"acc":1}"#, "without \"tasks\" as its last"),
      (#"{"tasks":[1]}"#, "no object of scores"),
      (#"{"tasks":{"a":"1"}}"#, "task a that is no number"),
      (#"{"tasks":{"a":null}}"#, "task a that is no number"),
      (#"{"tasks":{"a":1e999}}"#, "cannot be read"),
      (#"{"tasks":{"a":1}"#, "without \"tasks\" as its last"),
    ])
  func noAnswers(output: String, message: String) {
    let problem = #expect(throws: EvaluatorAnswer.Problem.self) {
      try EvaluatorAnswer.scores(in: Array(output.utf8))
    }
    #expect(problem?.message.contains(message) == true, "\(problem?.message ?? "")")
  }

  /// What a search says whose evaluator fails in this way on a candidate.
  private func failure(
    _ script: String, change: (inout Evaluator) -> Void = { _ in }
  ) throws -> Failure? {
    let scratch = try SearchScratch()
    var evaluator = try scratch.evaluator(
      "case $f in 1.1,1) \(script);; esac\n" + SearchScratch.dome)
    change(&evaluator)
    let error = #expect(throws: SearchError.self) {
      try scratch.run(evaluator) { $0.method = .second }
    }
    // What was finished before is known; what failed was tried twice.
    #expect(scratch.runs == ["math dense", "math 1,1"] + scratch.runs.dropFirst(2))
    let candidates = try? Directory.list(scratch.out + "/.sluice-search")
    #expect(candidates?.contains { $0.name.hasPrefix("candidate") } == false)
    return error?.failure
  }

  @Test(
    "each way to fail is said, and leads to an end from which the search goes on",
    arguments: [
      ("echo 'out of memory' >&2; exit 7", "ended with exit code 7; it said: out of memory"),
      ("kill -9 $$", "was ended by signal 9"),
      ("echo hello; exit 0", "printed no JSON object on its standard output, which ends \"hello"),
      ("echo '{\"tasks\":{\"gsm\":\"high\"}}'; exit 0", "score of task gsm that is no number"),
      (
        "echo '{\"tasks\":{\"other\":1}}'; exit 0",
        "printed no score of gsm, which the dense model has"
      ),
      ("echo '{\"tasks\":{}}'; exit 0", "printed no score of any task"),
    ])
  func failures(script: String, message: String) throws {
    let failure = try #require(try failure(script))
    #expect(failure.exitCode == .stopped)
    #expect(failure.message.contains(message), "\(failure.message)")
    #expect(failure.message.contains("with factors 1.1,1"))
    #expect(failure.remedy?.contains("same command goes on") == true)
  }

  @Test("a program that is not there is said at once")
  func missing() throws {
    let scratch = try SearchScratch()
    let error = #expect(throws: SearchError.self) {
      try scratch.run(try Evaluator("/no/such/program {model}"))
    }
    #expect(error?.failure.message.contains("/no/such/program cannot be started") == true)
  }

  @Test("one that takes too long is ended with all that it started")
  func late() throws {
    let scratch = try SearchScratch()
    var evaluator = try scratch.evaluator(
      "[ $f = dense ] || { trap '' TERM; sleep 97 & echo $! > \"$d/child\"; wait; sleep 97; }\n"
        + SearchScratch.dome)
    evaluator.timeLimit = 0.3
    evaluator.retries = 0
    let error = #expect(throws: SearchError.self) { try scratch.run(evaluator) }
    #expect(error?.failure.message.contains("did not end within 0.3 s") == true)
    let child = try #require(scratch.lines("child").first.flatMap { Int32($0) })
    #expect(hasEnded(child))
  }

  @Test("a failure that passes is tried again, and said")
  func retries() throws {
    let scratch = try SearchScratch()
    let evaluator = try scratch.evaluator(
      "[ -e \"$d/once-$f\" ] || { touch \"$d/once-$f\"; exit 1; }\n" + SearchScratch.dome)
    let result = try scratch.run(evaluator) { $0.method = .second }
    #expect(result.models[0].factors == Factors([1.3, 1.1]))
    let retried = scratch.events.withLock { events in
      events.filter { if case .retried = $0 { true } else { false } }.count
    }
    #expect(retried * 2 == scratch.runs.count)
  }

  @Test("a candidate that cannot be evaluated may count as the worst")
  func worst() throws {
    let scratch = try SearchScratch()
    let evaluator = try scratch.evaluator(
      "case $f in 1.2,1) exit 3;; esac\n" + SearchScratch.dome)
    let result = try scratch.run(evaluator) {
      $0.method = .second
      $0.onFailure = .worst
    }
    #expect(result.models[0].factors == Factors([1.1, 1.1]))
    #expect(result.models[0].warnings.contains { $0.contains("1.2,1 count as the worst") })
  }

  @Test("a dense model that cannot be measured ends the search", arguments: ["0", "-1", "NaN"])
  func dense(score: String) throws {
    let scratch = try SearchScratch()
    let error = #expect(throws: SearchError.self) {
      try scratch.run(try scratch.evaluator("echo '{\"tasks\":{\"gsm\":\(score)}}'"))
    }
    #expect(error?.failure.exitCode == .badInput)
    #expect(error?.failure.message.contains("nothing to measure") == true)
  }

  @Test("NaN of a candidate counts as 0 and is said")
  func nan() throws {
    let scratch = try SearchScratch()
    let evaluator = try scratch.evaluator(
      "case $f in 1.2,1) echo '{\"tasks\":{\"gsm\":NaN}}'; exit;; esac\n" + SearchScratch.dome)
    let result = try scratch.run(evaluator) { $0.method = .second }
    #expect(result.models[0].factors == Factors([1.1, 1.1]))
    #expect(result.models[0].warnings.contains { $0.contains("nan: it counts as 0") })
    #expect(try SearchResult.read(scratch.out).models[0].factors == Factors([1.1, 1.1]))
    // The journal knows it, too.
    let count = scratch.runs.count
    try scratch.run(evaluator) { $0.method = .second }
    #expect(scratch.runs.count == count)
  }

  @Test("a program that reads its input sees its end, and much output does no harm")
  func streams() throws {
    let scratch = try SearchScratch()
    let evaluator = try scratch.evaluator(
      "cat; seq 1 300000; seq 1 30000 >&2\n" + SearchScratch.dome)
    let result = try scratch.run(evaluator) { $0.bound = 1.1 }
    #expect(result.models[0].factors == Factors([1.1, 1.1]))
  }

  @Test("a search that is stopped ends its evaluators and keeps what was finished")
  func stopped() throws {
    let scratch = try SearchScratch()
    let evaluator = try scratch.evaluator(
      "[ $f = 1.1,1 ] && { echo $$ > \"$d/waiting\"; sleep 97; }\n" + SearchScratch.dome)
    let cancellation = Cancellation()
    let thread = Thread {
      while scratch.lines("waiting").isEmpty { usleep(10_000) }
      cancellation.stop(.signal(SIGINT))
    }
    thread.start()
    let error = #expect(throws: DataflowError.self) {
      try scratch.run(evaluator, cancellation: cancellation) { $0.method = .second }
    }
    #expect(error?.failure.exitCode == .interrupted)
    let process = try #require(scratch.lines("waiting").first.flatMap { Int32($0) })
    #expect(hasEnded(process))
    let journal = try #require(try WorkFile.open(at: scratch.out + "/search.journal"))
    #expect(try journal.byteCount() > 100)
  }
}

/// Whether a process is gone, or is soon: one that was killed stays in the table until it is collected.
private func hasEnded(_ process: Int32) -> Bool {
  for _ in 0..<200 {
    let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
    let state = status.split(separator: ")").last?.split(separator: " ").first
    if state == nil || state == "Z" || state == "X" { return true }
    usleep(10_000)
  }
  return false
}
