internal import SluiceCore
internal import SluiceFormats

/// How a recipe that is written down names what lies on this machine.
package struct WrittenPaths: Sendable {
  /// Where paths start.
  package enum Form: String, Sendable, Hashable, CaseIterable {
    /// At the directory that the recipe lies in; nothing is said of how to get there.
    case relative
    /// At the root.
    case absolute
  }

  private let form: Form?
  private let directory: String

  /// As they were given.
  package static let asGiven = WrittenPaths(form: nil, directory: ".")

  private init(form: Form?, directory: String) {
    (self.form, self.directory) = (form, directory)
  }

  /// Writes paths for a recipe that lies in a directory.
  ///
  /// - Parameters:
  ///   - form: Where paths start.
  ///   - directory: The directory.
  package init(_ form: Form, from directory: String) {
    self.init(form: form, directory: directory)
  }

  /// Whether paths are other ones when they are read from another directory.
  var isRelative: Bool { form == .relative }

  /// The path of a model, or its name on the hub with the revision that lies in the cache.
  func model(_ path: String) -> String {
    guard form != nil else { return path }
    if let name = HubCache.name(of: path), form == .relative || HubCache.isName(path) {
      return name
    }
    return file(path)
  }

  /// A path.
  func file(_ path: String) -> String {
    switch form {
    case nil: path
    case .absolute: Directory.absolute(path)
    case .relative: way(to: path) ?? Directory.name(of: path)
    }
  }

  /// Whether only the last part of a path is written: it has no directory in common with the recipe, so
  /// that the way to it would be the path itself.
  func isLeftOut(_ path: String) -> Bool {
    form == .relative && HubCache.name(of: path) == nil && way(to: path) == nil
  }

  /// The way from the recipe's directory to what lies at a path; nil if there is none but from the root.
  ///
  /// The way by names is the one that people see. It leads elsewhere if it goes up from where a link
  /// leads; then the links on the way are followed first.
  private func way(to path: String) -> String? {
    for parts in [WrittenPaths.named, WrittenPaths.resolved] {
      let (start, end) = (parts(directory), parts(path))
      let common = zip(start, end).prefix { $0 == $1 }.count
      guard common > 0 || end.count < 2 else { continue }
      let up = Array(repeating: "..", count: start.count - common)
      // A dot in front tells a path from a name of the hub.
      let way = ((up.isEmpty ? ["."] : up) + end[common...]).joined(separator: "/")
      guard let place = try? Directory.resolve(path) else { return way }
      if (try? Directory.resolve("\(directory)/\(way)")) == place { return way }
    }
    return nil
  }

  /// The parts of a path as it is written.
  private static func named(_ path: String) -> [String] {
    Directory.absolute(path).split(separator: "/").reduce(into: []) { parts, part in
      if part == ".." {
        parts = parts.dropLast()
      } else if part != "." {
        parts.append(String(part))
      }
    }
  }

  /// The parts of a path with the links on the way followed; what it names itself may be one, and is
  /// called what it is called.
  private static func resolved(_ path: String) -> [String] {
    let path = Directory.absolute(path)
    let (parent, name) = (Directory.parent(of: path), Directory.name(of: path))
    func followed(_ path: String) -> String { (try? Directory.resolve(path)) ?? path }
    let whole =
      [".", "..", "/"].contains(name) ? followed(path) : "\(followed(parent))/\(name)"
    return whole.split(separator: "/").map { String($0) }
  }
}
