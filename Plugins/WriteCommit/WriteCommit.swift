import Foundation
import PackagePlugin

/// Writes the commit that is checked out into a Swift file before each build, for `sluice --version`.
///
/// The manifest knows the commit too, but SwiftPM keeps what a manifest said until its text changes.
@main
struct WriteCommit: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
    let package = context.package.directoryURL
    let output = context.pluginWorkDirectoryURL
    return [
      .prebuildCommand(
        displayName: "Writing the commit", executable: URL(filePath: "/bin/sh"),
        arguments: [
          package.appending(path: "Plugins/WriteCommit/write-commit").path(percentEncoded: false),
          package.path(percentEncoded: false),
          output.appending(path: "Commit.swift").path(percentEncoded: false),
        ], outputFilesDirectory: output)
    ]
  }
}
