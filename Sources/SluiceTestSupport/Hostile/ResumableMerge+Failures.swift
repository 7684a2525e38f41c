internal import SluiceCore
package import SluiceFormats
internal import SluicePlan
internal import SluiceRun
internal import SluiceRecipe

extension ResumableMerge {
  /// The calls of an uninterrupted run that change the disk.
  package func calls() throws -> [FileCall] {
    let name = ResumableMerge.newName()
    let disk = FailingDisk(under: output(name))
    try run(name)
    disk.end()
    try Directory.remove(output(name))
    return disk.calls
  }

  /// Ends a run at a call as a kill does, goes on with it, and says what is not as it should be.
  ///
  /// - Parameters:
  ///   - position: Which call, counted from 0.
  ///   - losesPower: Whether everything that was not waited for is damaged as well.
  /// - Returns: A sentence for each problem.
  /// - Throws: If the test itself fails.
  package func problems(afterKillAt position: Int, losesPower: Bool) throws -> [String] {
    let name = ResumableMerge.newName()
    let disk = FailingDisk(under: output(name), .kill, at: position)
    let result = Result { try run(name) }
    disk.end()
    var problems: [String] = []
    if disk.hasStruck, case .success = result { problems.append("the end went unnoticed") }
    if losesPower {
      var generator = RepeatableGenerator(seed: UInt64(position))
      disk.losePower(using: &generator)
    }
    return try (problems + problemsOfResumed(name)).map { "killed at call \(position): \($0)" }
  }

  /// Lets one call fail, goes on with the run, and says what is not as it should be.
  ///
  /// - Parameters:
  ///   - number: The system's error number.
  ///   - position: Which call, counted from 0.
  /// - Returns: A sentence for each problem.
  /// - Throws: If the test itself fails.
  package func problems(afterFault number: Int32, at position: Int) throws -> [String] {
    let name = ResumableMerge.newName()
    let disk = FailingDisk(under: output(name), .fault(number), at: position)
    let result = Result { try run(name) }
    disk.end()
    var problems: [String] = []
    if case .failure(let error) = result {
      let failure = (error as? any SluiceError)?.failure
      let isClear =
        failure?.exitCode == .inputOutput && failure?.systemError == number
        && failure?.subject.file?.hasPrefix(output(name)) == true
      if !isClear { problems.append("an unclear error: \(error)") }
    }
    let call = disk.calls.indices.contains(position) ? "\(disk.calls[position])" : "none"
    return try (problems + problemsOfResumed(name)).map { "error \(number) in \(call): \($0)" }
  }

  /// Goes on with a run, compares the output with what is expected, and removes it.
  private func problemsOfResumed(_ name: String) throws -> [String] {
    defer { try? Directory.remove(output(name)) }
    var problems: [String] = []
    do {
      try run(name)
    } catch {
      return ["cannot go on: \(error)"]
    }
    let files = try files(of: name)
    for file in Set(files.keys).union(expected.keys) where files[file] != expected[file] {
      problems.append("\(file) differs from an uninterrupted run's")
    }
    if try FileStatus.of("\(output(name))/.sluice") != nil {
      problems.append("the work directory was left behind")
    }
    return problems
  }

  private static func newName() -> String { "run-\(UInt64.random(in: .min ... .max))" }
}
