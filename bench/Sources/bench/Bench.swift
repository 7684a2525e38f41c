import ArgumentParser

/// The command.
@main
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Makes model families and measures sluice beside the machine's own limits.",
    subcommands: [
      GenerateCommand.self, RunCommand.self, TableCommand.self, SpeedCommand.self,
      SpillCommand.self, MemoryCommand.self, FloorCommand.self, TouchCommand.self,
    ])
}
