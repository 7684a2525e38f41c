import Foundation
import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// A program that does not do what it should.
struct BadProgram: CustomTestStringConvertible, Sendable {
  let name: String
  /// What stands in the place of the answer to a chunk, in Python.
  let answer: String
  var greeting = #"print('{"protocol":"sluice-exec","version":1}', flush=True)"#
  let exitCode: ExitCode
  let message: String
  var timeLimit = "60s"

  var testDescription: String { name }

  var source: String {
    """
    import json, mmap, os, sys, time
    hello = json.loads(sys.stdin.readline())
    shared = mmap.mmap(hello["descriptor"], hello["bytes"])
    \(greeting)
    for line in sys.stdin:
        chunk = json.loads(line)
        n = chunk["count"] * 4
        shared[chunk["output"]:chunk["output"] + n] = shared[chunk["inputs"][0]:chunk["inputs"][0] + n]
        answer = {"chunk": chunk["chunk"], "count": chunk["count"]}
        \(answer)
        print(json.dumps(answer), flush=True)
    """
  }

  static let all = [
    BadProgram(
      name: "ends at once", answer: "pass", greeting: "sys.exit(3)", exitCode: .stopped,
      message: "ended with exit code 3"),
    BadProgram(
      name: "greets in another version", answer: "pass",
      greeting: #"print('{"protocol":"sluice-exec","version":9}', flush=True)"#,
      exitCode: .badInput,
      message: "did not greet with protocol sluice-exec, version 1, but with "),
    BadProgram(
      name: "never greets", answer: "pass", greeting: "time.sleep(30)", exitCode: .stopped,
      message: "gave no answer within 0.1 s of its start", timeLimit: "100ms"),
    BadProgram(
      name: "dies in the middle",
      answer: #"sys.stderr.write("out of luck\n"); sys.stderr.flush(); os.kill(os.getpid(), 9)"#,
      exitCode: .stopped,
      message: "was ended by signal 9 at chunk 1; it last wrote to its standard error: out of luck"),
    BadProgram(
      name: "raises an exception", answer: #"raise ValueError("what now")"#, exitCode: .stopped,
      message: "ValueError: what now"),
    BadProgram(
      name: "hangs", answer: "time.sleep(30)", exitCode: .stopped,
      message: "gave no answer within 1.5 s at chunk 1", timeLimit: "1500ms"),
    BadProgram(
      name: "prints something", answer: "print('working on it', flush=True)",
      exitCode: .badInput,
      message: "wrote \"working on it\", which is no JSON object as the protocol has it"),
    BadProgram(
      name: "never ends a line",
      answer: "sys.stdout.write('x' * 200000); sys.stdout.flush(); time.sleep(30)",
      exitCode: .badInput, message: "bytes without the end of a line, beginning \"xxx"),
    BadProgram(
      name: "answers another chunk", answer: "answer['chunk'] = 7", exitCode: .badInput,
      message: "expected {\"chunk\":1,\"count\":"),
    BadProgram(
      name: "makes too few elements", answer: "answer['count'] -= 1", exitCode: .badInput,
      message: "elements at element 0 (chunk 1); expected"),
    BadProgram(
      name: "says no count", answer: "del answer['count']", exitCode: .badInput,
      message: "made no count of elements at element 0 (chunk 1)"),
    BadProgram(
      name: "gives up", answer: "answer = {'error': 'no more memory'}", exitCode: .stopped,
      message: "gave up at element 0 (chunk 1): \"no more memory\""),
    BadProgram(
      name: "writes nothing",
      answer: "shared[chunk['output']:chunk['output'] + n] = b'\\xff' * n", exitCode: .badInput,
      message: "as element 0 of model math; every element must be written, and finite"),
    BadProgram(
      name: "writes an infinity",
      answer: "shared[chunk['output'] + 4:chunk['output'] + 8] = b'\\x00\\x00\\x80\\x7f'",
      exitCode: .badInput, message: "left inf as element 1 of model math"),
  ]
}

@Suite("Programs as stages", .enabled(if: Shell.hasNumPy && Shell.hasCompiler))
struct ExecStageTests {
  static func chain(_ exec: String, merge: String = "merge", write: String = "write") -> String {
    """
    base: models/base
    models: {math: models/math, law: models/law}
    stages:
      - read
      - delta
      - \(exec)
      - \(merge)
      - \(write)
    """
  }

  @Test("a program that fails ends the run with what it did", arguments: BadProgram.all)
  func failures(program: BadProgram) throws {
    let directory = try FamilyDirectory { spec in spec.layerCount = 1 }
    _ = try directory.write(program.source, to: "bad.py")
    let recipe = try directory.recipe(
      ExecStageTests.chain(
        "exec: {command: [\(Shell.python), -S, ./bad.py], time-limit: \(program.timeLimit)}"))
    let error = #expect(throws: StageError.self) {
      try directory.run(recipe, options: RunOptions(threads: 1))
    }
    let failure = try #require(error?.failure)
    #expect(failure.exitCode == program.exitCode)
    #expect(failure.message.hasPrefix("the stage bad.py ("))
    #expect(failure.message.contains(program.message), "\(failure.message)")
    #expect(!FileManager.default.fileExists(atPath: directory("out-1/model.safetensors")))
  }

  @Test("a program that is not there is named")
  func missing() throws {
    let directory = try FamilyDirectory { spec in spec.layerCount = 1 }
    let recipe = try directory.recipe(ExecStageTests.chain("exec: {command: [no-such-program]}"))
    let error = #expect(throws: StageError.self) { try directory.run(recipe) }
    #expect(
      error?.failure.message
        == "the stage no-such-program (no-such-program) cannot be started: No such file or directory"
    )
  }

  @Test("the examples in Python equal NumPy bit for bit", arguments: [DType.bf16, .f16, .f32])
  func python(dtype: DType) throws {
    let stages = FamilyDirectory.repository + "/pipelines/stages"
    let directory = try FamilyDirectory(dtype: dtype)
    let merged = try directory.run(
      try directory.recipe(
        ExecStageTests.chain(
          "exec: {command: [\(Shell.python), \(stages)/clip.py, \"3\"], statistics: [mean], scope: all}",
          merge: "exec: {command: [\(Shell.python), \(stages)/soft_average.py], kind: merge}",
          write: "write: {dtype: F32}")))
    try expectNumPy(directory, merged.output, rule: "mean", number: "3")
  }

  @Test("the example in C equals NumPy bit for bit", arguments: [DType.bf16, .f16, .f32])
  func compiled(dtype: DType) throws {
    let stages = FamilyDirectory.repository + "/pipelines/stages"
    let directory = try FamilyDirectory(dtype: dtype)
    let build = try Shell.run(
      ["cc", "-O2", "-Wall", "-Werror", "-o", directory("clip"), stages + "/clip.c"])
    #expect(build.status == 0, "\(build.output)")
    let merged = try directory.run(
      try directory.recipe(
        ExecStageTests.chain(
          "exec: {command: [./clip, \"0.001\"], scope: all}",
          merge: "exec: {command: [\(Shell.python), \(stages)/soft_average.py], kind: merge}",
          write: "write: {dtype: F32}")))
    try expectNumPy(directory, merged.output, rule: "fixed", number: "0.001")
  }

  private func expectNumPy(
    _ directory: FamilyDirectory, _ output: String, rule: String, number: String
  ) throws {
    let check = try Shell.run([
      Shell.python,
      FamilyDirectory.repository + "/Tests/SluiceRecipeTests/Support/numpy_reference.py",
      directory("models/base"), directory("models/math"), directory("models/law"), output, rule,
      number,
    ])
    #expect(check.status == 0, "\(check.output)")
  }

  @Test("pieces begin at multiples of a grain, and the bytes do not depend on chunks and lanes")
  func grains() throws {
    let directory = try FamilyDirectory { spec in
      spec.hiddenSize = 260
      spec.intermediateSize = 600
      spec.layerCount = 1
    }
    // A stage that is not element-wise: it reverses what it is given, so that pieces show.
    _ = try directory.write(
      """
      import json, mmap, sys
      import numpy as np
      hello = json.loads(sys.stdin.readline())
      shared = mmap.mmap(hello["descriptor"], hello["bytes"])
      print('{"protocol":"sluice-exec","version":1}', flush=True)
      for line in sys.stdin:
          c = json.loads(line)
          assert c["first"] % 65536 == 0 and c["count"] == min(65536, c["elements"] - c["first"])
          x = np.frombuffer(shared, np.float32, c["count"], c["inputs"][0])
          np.frombuffer(shared, np.float32, c["count"], c["output"])[:] = x[::-1]
          print(json.dumps({"chunk": c["chunk"], "count": c["count"]}), flush=True)
      """, to: "reverse.py")
    let recipe = try directory.recipe(
      ExecStageTests.chain("exec: {command: [\(Shell.python), ./reverse.py], scope: all}"))
    let expected = try directory.run(recipe, options: RunOptions(threads: 1)).model
    for (threads, grains) in [(1, 1), (3, 2)] {
      var options = RunOptions(threads: threads)
      options.chunkElements = Granularity.grainElements
      options.stripElements = Granularity.grainElements * grains
      try directory.run(recipe, options: options).model.expectSameBytes(as: expected)
    }
  }

  @Test("another program is another recipe; its time limit and memory are not")
  func identity() throws {
    let directory = try FamilyDirectory { spec in spec.layerCount = 1 }
    func fingerprint(_ program: String, _ keys: String) throws -> String {
      _ = try directory.write(program, to: "stage.py")
      return try directory.recipe(
        ExecStageTests.chain("exec: {command: [\(Shell.python), ./stage.py]\(keys)}")
      ).fingerprint.hexadecimal
    }
    let first = try fingerprint("print(1)", "")
    #expect(try fingerprint("print(1)", ", time-limit: 5min, memory: 64MiB") == first)
    #expect(try fingerprint("print(2)", "") != first)
    #expect(try fingerprint("print(1)", ", scope: all") != first)
    #expect(try fingerprint("print(1)", ", statistics: [mean]") != first)
  }
}
