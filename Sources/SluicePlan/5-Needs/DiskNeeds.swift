internal import SluiceCore
internal import SluiceFormats

/// What a run still has to write, file by file: the same for a plan, a first attempt and a later one.
///
/// What an earlier attempt wrote is there, and what a pass that has ended did not need is not asked
/// for again.
package struct DiskNeeds {
  /// A file, or what grows together.
  package struct Part {
    /// What it is called in messages and plans.
    let name: String
    /// Where it may lie, of which the first that is there counts; empty for what has no name.
    var places: [String] = []
    /// What it takes at most, or about as much.
    let byteCount: Int
    /// What of that belongs to work that is not finished.
    var unfinishedByteCount = Int.max
    /// Directories of which all files count that belong to no other part.
    var directories: [String] = []
  }

  /// The parts in the output.
  package var parts: [Part] = []
  /// The parts in another directory.
  var elsewhere: (directory: String, parts: [Part])?

  /// The bytes in the output, if nothing is there yet.
  package var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }

  /// What of some parts is left to write.
  ///
  /// What one took more than was expected is taken from the others: a disk that had room for all of it
  /// in the beginning has room for the rest.
  package func left(of parts: [Part]) throws -> Int {
    let claimed = Set(parts.flatMap(\.places))
    let left = try parts.reduce(0) { sum, part in
      var there = 0
      for place in part.places {
        guard let status = try FileStatus.of(place, followingLinks: false) else { continue }
        there = status.allocatedByteCount
        break
      }
      for directory in part.directories where try FileStatus.of(directory) != nil {
        for entry in try Directory.list(directory)
        where !claimed.contains("\(directory)/\(entry.name)") {
          guard !entry.isLink, let status = entry.status, status.kind == .regularFile else {
            continue
          }
          there += status.allocatedByteCount
        }
      }
      return sum + min(part.byteCount - there, part.unfinishedByteCount)
    }
    return max(0, left)
  }

  /// Refuses to begin or go on with what the disks cannot hold.
  ///
  /// - Parameters:
  ///   - output: The output, which must exist.
  ///   - what: What is being made.
  /// - Throws: `PipelineError` if there is not enough room.
  package func check(_ output: String, making what: String) throws {
    var asked = [(directory: output, byteCount: try left(of: parts))]
    if let (directory, parts) = elsewhere {
      let more = try left(of: parts)
      // Two directories of one disk share its space.
      if try FileStatus.of(directory)?.device == FileStatus.of(output)?.device {
        asked[0].byteCount += more
      } else {
        asked.append((directory, more))
      }
    }
    for (directory, byteCount) in asked where byteCount > 0 {
      let free = try FileSystem.freeByteCount(at: directory)
      guard free < byteCount else { continue }
      throw PipelineError(
        Failure(
          .inputOutput, subject: Subject(file: directory),
          message: "\(what) needs \(ByteCount(byteCount)) more, \(ByteCount(free)) are free",
          remedy: "Free space, or choose another place."))
    }
  }
}
