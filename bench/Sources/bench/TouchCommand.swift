import ArgumentParser
import Measuring

/// `bench touch-memory`: touches pages and ends; other commands call it before they measure.
struct TouchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: FreeMemory.command,
    abstract: "Touches memory, so that the host of a virtual machine has it ready.",
    shouldDisplay: false)

  @Argument(help: "How many bytes.") var byteCount: Int

  func run() { FreeMemory.touch(byteCount) }
}
