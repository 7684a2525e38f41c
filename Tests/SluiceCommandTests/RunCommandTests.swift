import Foundation
import SluiceTestSupport
import Testing

@Suite("Ways to give a recipe")
struct RunCommandTests {
  private func recipe(_ directory: FamilyDirectory, _ stage: String = "") -> String {
    let name = directory.family.fineTuned[0].name
    return """
      base: \(directory.path)/base
      models: {\(name): \(directory.path)/\(name)}
      stages: [read, delta, \(stage)merge: {operator: sum}, write]
      """
  }

  @Test("the output may stand after the recipe, and the recipe come from standard input")
  func places() throws {
    let directory = try FamilyDirectory()
    let path = directory.path + "/recipe.yaml"
    try recipe(directory).write(toFile: path, atomically: true, encoding: .utf8)
    for (arguments, output) in [
      (["run", path, directory.path + "/a"], "a"),
      (["run", path, "-o", directory.path + "/b"], "b"),
    ] {
      let result = try SluiceProcess.run(arguments + ["-q", "-j", "1"])
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(
        FileManager.default.fileExists(atPath: directory.path + "/\(output)/model.safetensors"))
    }
    let piped = try SluiceProcess.run(
      ["run", "-", "--out", directory.path + "/c"], input: recipe(directory))
    #expect(piped.exitCode == 0, "\(piped.errors)")
    let first = try TinyModel.read(directory.path + "/a")
    #expect(
      try TinyModel.read(directory.path + "/c").tensors.map(\.bytes) == first.tensors.map(\.bytes))
    let twice = try SluiceProcess.run(["run", path, "x", "--out", "y"])
    #expect(twice.exitCode == 64 && twice.errors.contains("the output is given twice"))
    let nowhere = try SluiceProcess.run(["run", path])
    #expect(nowhere.exitCode == 64 && nowhere.errors.contains("does not say where to write"))
  }

  @Test("programs of a recipe are named, and run only if they are allowed; plans never run them")
  func consent() throws {
    let directory = try FamilyDirectory()
    let (path, mark) = (directory.path + "/recipe.yaml", directory.path + "/ran")
    try recipe(directory, "exec: {command: [touch, \(mark)]}, ")
      .write(toFile: path, atomically: true, encoding: .utf8)
    let refused = try SluiceProcess.run(["run", path, "--out", directory.path + "/out", "--quiet"])
    #expect(refused.exitCode == 64)
    #expect(refused.errors.contains("program: touch \(mark)"))
    #expect(refused.errors.contains("hint: Give --allow-exec"))
    for arguments in [
      ["plan", path], ["run", path, "--out", directory.path + "/out", "--dry-run"],
    ] {
      #expect(try SluiceProcess.run(arguments).exitCode == 0)
    }
    #expect(!FileManager.default.fileExists(atPath: mark))
    // It is run, and is no program that speaks the protocol.
    let allowed = try SluiceProcess.run(
      ["run", path, "--out", directory.path + "/out", "--allow-exec"])
    #expect(allowed.exitCode != 0 && allowed.errors.contains("program: touch \(mark)"))
    #expect(FileManager.default.fileExists(atPath: mark))
  }

  @Test("completions and manual pages are written, and name files where files are meant")
  func completions() throws {
    for (shell, word) in [("bash", "compgen"), ("zsh", "_files"), ("fish", "complete")] {
      let script = try SluiceProcess.run(["completions", shell])
      #expect(script.exitCode == 0 && script.output.contains(word), "\(shell)")
      #expect(script.output.contains("pruning-rate") && script.output.contains("lm-cocktail"))
    }
    let manual = try SluiceProcess.run(["manual", "merge"])
    #expect(manual.exitCode == 0 && manual.output.contains(".SH SYNOPSIS"))
    let version = try SluiceProcess.run(["--version"])
    #expect(version.output.hasPrefix("sluice "))
    for library in ["zstd", "LZ4", "xxHash", "libyaml", "OpenBLAS", "vector units"] {
      #expect(version.output.contains(library), "\(library)")
    }
  }
}
