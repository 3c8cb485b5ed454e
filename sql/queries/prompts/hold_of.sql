-- The cause that holds a prompt, apart from dependencies and times; nulls if nothing does.
SELECT held_by, held_on FROM prompt_holds WHERE id = :id;
