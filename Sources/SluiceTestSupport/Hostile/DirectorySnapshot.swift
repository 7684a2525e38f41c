internal import Foundation
internal import SluiceFormats

/// Everything below a directory as it is now: names, kinds, links, times of change, content.
///
/// Two snapshots are equal if nothing touched the directory in between.
package struct DirectorySnapshot: Sendable, Equatable {
  private struct File: Sendable, Equatable {
    let status: FileStatus
    let link: String?
    let content: Data?
  }

  private var files: [String: File] = [:]

  /// Takes a snapshot.
  package init(_ path: String) throws {
    let names = try FileManager.default.subpathsOfDirectory(atPath: path)
    for name in names {
      let full = path + "/" + name
      guard let status = try FileStatus.of(full, followingLinks: false) else { continue }
      let link = try? FileManager.default.destinationOfSymbolicLink(atPath: full)
      let content = status.kind == .regularFile ? FileManager.default.contents(atPath: full) : nil
      files[name] = File(status: status, link: link, content: content)
    }
  }

  /// The names of everything below the directory.
  package var names: Set<String> { Set(files.keys) }
}
