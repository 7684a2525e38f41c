internal import Glibc
internal import SluiceCore
internal import SluiceRecipe

/// Recipes from files, or from standard input.
enum RecipeInput {
  /// More than any recipe may have.
  private static let byteLimit = 2 << 20

  /// Reads a recipe; `-` stands for standard input, and paths in it start from here.
  static func load(_ path: String) throws -> RecipeFile {
    guard path == "-" else { return try RecipeFile.load(path, options: LaneControls.standard) }
    return try RecipeFile.parse(
      String(decoding: try standardInput(), as: UTF8.self), name: "standard input",
      options: LaneControls.standard)
  }

  private static func standardInput() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < byteLimit {
      // SAFETY: the buffer is used inside the closure only.
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe read(STDIN_FILENO, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw UsageError(
          Failure(
            .inputOutput, subject: Subject(file: "standard input"), message: "cannot be read",
            systemError: errno))
      }
      if count == 0 { break }
      bytes += buffer.prefix(count)
    }
    return bytes
  }
}
