import ArgumentParser
import Measuring
import Platform

/// `bench floor`: reads and writes what passes do, without their arithmetic.
///
/// A process of its own can be put into a memory group; other commands call it.
struct FloorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "floor",
    abstract: "Reads and writes what the passes of a merge do, and computes nothing.",
    shouldDisplay: false)

  @Argument(help: "File that describes the passes.") var plan: String
  @Option(help: "Threads that read.") var lanes: Int

  func run() throws {
    let passes = try MergeFloor(json: JSON(parsing: File.contents(of: plan))).passes
    print(try passes.map { try $0.run(lanes: lanes).fixed(3) }.joined(separator: " "))
  }
}
