-- Why a prompt can run nowhere, apart from dependencies and times; nulls if it can.
SELECT held_by, held_on FROM prompt_holds WHERE id = :id;
