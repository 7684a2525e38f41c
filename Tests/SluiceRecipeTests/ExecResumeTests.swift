import Foundation
import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("Runs with programs go on", .enabled(if: Shell.hasNumPy))
struct ExecResumeTests {
  /// Doubles, and counts its requests in a file; at a given one it kills itself.
  private static let program = """
    import json, mmap, os, sys
    import numpy as np
    here = os.path.dirname(sys.argv[0])
    def number(name):
        try: return int(open(here + "/" + name).read())
        except FileNotFoundError: return -1
    hello = json.loads(sys.stdin.readline())
    shared = mmap.mmap(hello["descriptor"], hello["bytes"])
    print('{"protocol":"sluice-exec","version":1}', flush=True)
    for line in sys.stdin:
        c = json.loads(line)
        open(here + "/calls", "a").write("x")
        if os.path.getsize(here + "/calls") == number("deadly"):
            os.kill(os.getpid(), 9)
        x = np.frombuffer(shared, np.float32, c["count"], c["inputs"][0])
        y = np.frombuffer(shared, np.float32, c["count"], c["output"])
        np.multiply(x, np.float32(min(2, 1 + c["mean"])), out=y)
        print(json.dumps({"chunk": c["chunk"], "count": c["count"]}), flush=True)
    """

  @Test("a program that is killed anywhere stops the run, and the same recipe goes on from there")
  func resume() throws {
    let directory = try FamilyDirectory { spec in spec.layerCount = 2 }
    _ = try directory.write(ExecResumeTests.program, to: "double.py")
    let recipe = try directory.recipe(
      """
      base: models/base
      models: {math: models/math, law: models/law}
      stages:
        - read
        - delta
        - exec: {command: [\(Shell.python), ./double.py], statistics: [mean]}
        - significance
        - assign-rates
        - mask
        - merge
        - write
      """)
    var options = RunOptions(threads: 1)
    options.journalPace.interval = .zero
    let expected = try directory.run(recipe, options: options)
    let whole = try requests(directory)

    let output = directory("interrupted")
    let plan = try MergePlan(recipe, options: options)
    var all = 0
    // Each attempt lives for some requests more than the one before: dies in every pass.
    for deadly in stride(from: 3, through: whole, by: 17) {
      try FileManager.default.removeItem(atPath: directory("calls"))
      _ = try directory.write("\(deadly)", to: "deadly")
      do {
        guard case .merged = try MergeRun(plan, output: output).run() else { break }
        all += try requests(directory)
        break
      } catch let error as StageError {
        #expect(error.failure.exitCode == .stopped)
        #expect(error.failure.message.contains("was ended by signal 9"))
        #expect(!FileManager.default.fileExists(atPath: output + "/model.safetensors"))
        all += try requests(directory)
      }
    }
    try TinyModel.read(output).expectSameBytes(as: expected.model)
    // What was finished was not done again.
    #expect(all < 2 * whole, "\(all) requests in all, \(whole) without interruption")
  }

  private func requests(_ directory: FamilyDirectory) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: directory("calls"))[.size] as? Int ?? 0
  }
}
