using System.CommandLine;

namespace Specializer.Tool;

/// <summary>An option whose words stand for values. The parser sees the words alone, so help and completion show nothing else.</summary>
/// <param name="Option">To add to the command.</param>
/// <param name="Absent">When the option is not given.</param>
/// <param name="Values">Words and what they stand for.</param>
internal sealed record Choice<T>(Option<string?> Option, T Absent, (string Text, T Value)[] Values)
{
    /// <param name="name">With its dashes.</param>
    /// <param name="description">For help.</param>
    /// <param name="absent">When the option is not given; shown as default where a word stands for it.</param>
    /// <param name="values">Words and what they stand for.</param>
    public static Choice<T> Create(string name, string description, T absent, params (string Text, T Value)[] values)
    {
        var option = new Option<string?>(name) { Description = description };
        if (Array.Find(values, v => Equals(v.Value, absent)).Text is { } word) option.DefaultValueFactory = _ => word;
        option.AcceptOnlyFromAmong([.. values.Select(v => v.Text)]);
        return new(option, absent, values);
    }

    /// <summary>The value of a word that the parser has let through.</summary>
    public T In(ParseResult result) => result.GetValue(Option) is { } word ? Array.Find(Values, v => v.Text == word).Value : Absent;
}
