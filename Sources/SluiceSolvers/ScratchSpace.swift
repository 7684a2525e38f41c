/// Where matrices that do not fit in memory get their files.
package struct ScratchSpace {
  /// What errors name.
  let path: String
  private let openFile: (_ name: String) throws -> Int32

  /// Describes the place.
  ///
  /// - Parameters:
  ///   - path: What errors name.
  ///   - openFile: Opens an empty file for reading and writing that is gone with its descriptor; the
  ///     name is one that no other matrix of the solver has at that time.
  package init(_ path: String, openFile: @escaping (_ name: String) throws -> Int32) {
    self.path = path
    self.openFile = openFile
  }

  func open(_ name: String) throws -> Int32 { try openFile(name) }
}
